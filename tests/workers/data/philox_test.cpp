#include "workers/data/philox.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>
#include <vector>

namespace edgesweep {
namespace {

using Block = std::array<std::uint32_t, 4>;

// Known answers of philox4x32-10 from Random123's tests/kat_vectors.
TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, IsAPureFunctionOfKeyUseAndIndex) {
  RandomStream one(7, RandomUse::epoch_order, 3);
  RandomStream same(7, RandomUse::epoch_order, 3);
  std::set<std::uint64_t> firsts;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.next_u32(), same.next_u32());
  for (const std::uint64_t key : {7ULL, 8ULL, 7ULL << 32}) {
    for (const RandomUse use : {RandomUse::epoch_order, RandomUse::iid_batch}) {
      for (const std::uint64_t index : {3ULL, 4ULL, 3ULL << 32}) {
        firsts.insert(RandomStream(key, use, index).next_u64());
      }
    }
  }
  EXPECT_EQ(firsts.size(), 18U);
}

// The chi-squared statistic of 6 equally likely faces over 60000 throws has mean 5; 25.7 is its 10^-4 quantile.
TEST(RandomStream, BelowIsUniform) {
  RandomStream stream(1, RandomUse::subset);
  std::vector<double> counts(6, 0.0);
  for (int i = 0; i < 60000; ++i) {
    const std::uint32_t face = stream.below(6);
    ASSERT_LT(face, 6U);
    ++counts[face];
  }
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - 1e4) * (count - 1e4) / 1e4;
  EXPECT_LT(chi_squared, 25.7);
  EXPECT_EQ(stream.below(1), 0U);
}

// Means over 10^5 draws, within five standard errors of theory: moments of the standard normal are 0, 1, 0, 3, and
// their variances 1, 2, 15, 96.
TEST(RandomStream, NormalHasTheMomentsOfAStandardNormal) {
  RandomStream stream(2, RandomUse::initial_parameters);
  constexpr int draws = 100000;
  double moments[4] = {};
  for (int i = 0; i < draws; ++i) {
    const double x = stream.normal();
    double power = 1;
    for (double& moment : moments) moment += (power *= x) / draws;
  }
  const double expected[4] = {0, 1, 0, 3};
  const double variance[4] = {1, 2, 15, 96};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(moments[i], expected[i], 5 * std::sqrt(variance[i] / draws)) << i + 1;
}

TEST(RandomStream, UniformStaysInsideAndSignsBalance) {
  RandomStream stream(3, RandomUse::trace_probe);
  double mean = 0;
  double signs = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = stream.uniform();
    ASSERT_GT(x, 0.0);
    ASSERT_LT(x, 1.0);
    mean += x / 1e5;
    const double sign = stream.sign();
    ASSERT_EQ(std::abs(sign), 1.0);
    signs += sign / 1e5;
  }
  EXPECT_NEAR(mean, 0.5, 5 * std::sqrt(1.0 / 12 / 1e5));
  EXPECT_NEAR(signs, 0.0, 5 / std::sqrt(1e5));
}

TEST(RandomKey, ReadsTheFirstSixteenDigits) {
  EXPECT_EQ(random_key("0123456789abcdef0000"), 0x0123456789abcdefULL);
  EXPECT_EQ(random_key("ffffffffffffffff"), ~std::uint64_t{0});
  EXPECT_THROW(random_key("0123"), std::invalid_argument);
  EXPECT_THROW(random_key("012345678 abcdef"), std::invalid_argument);
}

}  // namespace
}  // namespace edgesweep
