#include "workers/linalg/knorm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;

KnormMatrix ntk(std::vector<double> values) {
  const auto rows = static_cast<std::int64_t>(std::sqrt(static_cast<double>(values.size())));
  return {false, rows, rows, std::move(values)};
}

/// "subject: reason" of the InputError; fails the test if there is none.
std::string complaint(KnormMatrix matrix, KernelNormSettings settings) {
  try {
    knorm(std::move(matrix), settings, false, "k.h5");
  } catch (const InputError& error) {
    return error.subject() + ": " + error.reason();
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

const std::vector<double> kGood = {1.0, 0.5, 0.5, 1.0};

TEST(Knorm, OfAJacobianIsThatOfItsNtk) {
  // J = [[1, 0], [1, 1]]: J Jᵀ / 2 = [[0.5, 0.5], [0.5, 1]]
  const KnormResult from_jacobian = knorm({true, 2, 2, {1, 0, 1, 1}}, {0.1, 1, 0, 0, 1}, true, "j.h5");
  const KnormResult from_ntk = knorm(ntk({0.5, 0.5, 0.5, 1}), {0.1, 1, 0, 0, 1}, true, "k.h5");
  EXPECT_DOUBLE_EQ(from_jacobian.norms.K, from_ntk.norms.K);
  EXPECT_DOUBLE_EQ(*from_jacobian.norms.K_full, *from_ntk.norms.K_full);
  EXPECT_DOUBLE_EQ(from_jacobian.norms.ntk_trace, 1.5);
  EXPECT_EQ(from_jacobian.examples, 2);
}

TEST(Knorm, GivesTheFullNormOnlyWhenAsked) {
  EXPECT_FALSE(knorm(ntk(kGood), {0.1, 1, 0.9, 0.1, 1}, false, "k.h5").norms.K_full);
  EXPECT_TRUE(knorm(ntk(kGood), {0.1, 1, 0.9, 0.1, 2}, true, "k.h5").norms.K_full);
}

TEST(Knorm, RefusesMatricesThatAreNoNtkAndSaysWhere) {
  const KernelNormSettings sgd{0.1, 1, 0, 0, 1};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(complaint(ntk({1, 0.5, 0.4, 1}), sgd), HasSubstr("k.h5: the NTK must be symmetric, but entry [0, 1] is 0.5"));
  EXPECT_THAT(complaint(ntk({1, 0.5, nan, 1}), sgd), HasSubstr("entry [1, 0] is nan"));
  EXPECT_THAT(complaint(ntk({1, 2, 2, 1}), sgd), HasSubstr("has the eigenvalue -1"));
  EXPECT_THAT(complaint({true, 2, 1, {1, std::numeric_limits<double>::infinity()}}, sgd), HasSubstr("entry [1, 0] is inf"));
  EXPECT_THAT(complaint({true, 2, 1, {1e200, 1e200}}, sgd), HasSubstr("too large"));
}

TEST(Knorm, RefusesSettingsOutOfRange) {
  EXPECT_THAT(complaint(ntk(kGood), {0, 1, 0, 0, 1}), HasSubstr("--eta"));
  EXPECT_THAT(complaint(ntk(kGood), {0.1, 3, 0, 0, 1}), HasSubstr("--batch: is 3, must be from 1 to the 2 examples"));
  EXPECT_THAT(complaint(ntk(kGood), {0.1, 2, 0, 0, 2}), HasSubstr("1 examples"));
  EXPECT_THAT(complaint(ntk(kGood), {0.1, 1, 1, 0, 1}), HasSubstr("--momentum"));
  EXPECT_THAT(complaint(ntk(kGood), {0.1, 1, 0, -1, 1}), HasSubstr("--l2"));
}

}  // namespace
}  // namespace edgesweep
