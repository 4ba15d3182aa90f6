#include "workers/linalg/hutchinson.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/workers/linalg/dense_operator.hpp"

namespace edgesweep {
namespace {

TEST(Hutchinson, IsExactForADiagonalMatrix) {
  DiagonalOperator op(at::tensor({1.0, -2.5, 4.0}, at::kDouble));
  EXPECT_DOUBLE_EQ(hutchinson_trace(op, 7, 1, at::kDouble), 2.5);
}

TEST(Hutchinson, StaysWithinItsStandardError) {
  at::manual_seed(1);
  const at::Tensor half = at::randn({40, 40}, at::kDouble);
  const at::Tensor matrix = half + half.t();
  DenseOperator op(matrix);
  const at::Tensor off_diagonal = matrix - at::diag(matrix.diagonal());
  const double standard_error = std::sqrt(2 * off_diagonal.square().sum().item<double>() / 400);
  EXPECT_NEAR(hutchinson_trace(op, 7, 400, at::kDouble), matrix.trace().item<double>(), 4 * standard_error);
}

TEST(Hutchinson, UsesTheSameProbesEveryTime) {
  at::manual_seed(2);
  DenseOperator op(at::randn({30, 30}, at::kDouble));
  EXPECT_EQ(hutchinson_trace(op, 7, 3, at::kDouble), hutchinson_trace(op, 7, 3, at::kDouble));
  EXPECT_NE(hutchinson_trace(op, 7, 3, at::kDouble), hutchinson_trace(op, 8, 3, at::kDouble));
}

}  // namespace
}  // namespace edgesweep
