#include "workers/data/sampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>
#include <vector>

namespace edgesweep {
namespace {

std::vector<std::int64_t> batch_of(Sampler& sampler, std::int64_t step) {
  const auto rows = sampler.batch(step);
  return {rows.begin(), rows.end()};
}

class AnySampler : public ::testing::TestWithParam<const char*> {};

TEST_P(AnySampler, GivesTheSameBatchWithAndWithoutHistory) {
  const auto walker = make_sampler(GetParam(), 99, 23, 5);
  for (std::int64_t step = 0; step < 30; ++step) {
    const auto fresh = make_sampler(GetParam(), 99, 23, 5);
    EXPECT_EQ(batch_of(*walker, step), batch_of(*fresh, step)) << step;
  }
  const auto late = batch_of(*walker, 29);
  batch_of(*walker, 3);
  EXPECT_EQ(batch_of(*walker, 29), late);
}

TEST_P(AnySampler, GivesDistinctRowsInRange) {
  for (const std::int64_t size : {1, 5, 23}) {
    const auto sampler = make_sampler(GetParam(), 5, 23, size);
    for (std::int64_t step = 0; step < 20; ++step) {
      const auto rows = batch_of(*sampler, step);
      const std::set<std::int64_t> distinct(rows.begin(), rows.end());
      EXPECT_EQ(static_cast<std::int64_t>(distinct.size()), size);
      EXPECT_GE(*distinct.begin(), 0);
      EXPECT_LT(*distinct.rbegin(), 23);
    }
  }
}

TEST_P(AnySampler, DependsOnTheKey) {
  EXPECT_NE(batch_of(*make_sampler(GetParam(), 1, 1000, 8), 0), batch_of(*make_sampler(GetParam(), 2, 1000, 8), 0));
}

// Each row is in B of D batches on average; five standard deviations of a binomial count are allowed.
TEST_P(AnySampler, UsesEveryRowEquallyOften) {
  const auto sampler = make_sampler(GetParam(), 11, 10, 3);
  std::vector<double> counts(10, 0.0);
  constexpr std::int64_t steps = 4000;
  for (std::int64_t step = 0; step < steps; ++step) {
    for (const std::int64_t row : sampler->batch(step)) ++counts[static_cast<std::size_t>(row)];
  }
  for (const double count : counts) EXPECT_NEAR(count, steps * 0.3, 5 * std::sqrt(steps * 0.3 * 0.7));
}

INSTANTIATE_TEST_SUITE_P(Samplers, AnySampler, ::testing::Values("epoch", "iid"));

TEST(EpochSampler, SeesEveryRowOnceAnEpochAndDropsTheRest) {
  const auto sampler = make_sampler("epoch", 4, 11, 3);
  std::vector<std::vector<std::int64_t>> firsts;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    std::set<std::int64_t> seen;
    for (std::int64_t k = 0; k < 3; ++k) {
      const auto rows = batch_of(*sampler, 3 * epoch + k);
      seen.insert(rows.begin(), rows.end());
    }
    EXPECT_EQ(seen.size(), 9U);
    firsts.push_back(batch_of(*sampler, 3 * epoch));
  }
  EXPECT_NE(firsts[0], firsts[1]);
}

TEST(IidSampler, DrawsAfreshEachStep) {
  const auto sampler = make_sampler("iid", 4, 10, 5);
  std::set<std::int64_t> two_steps;
  int complete = 0;
  for (std::int64_t step = 0; step < 100; step += 2) {
    two_steps.clear();
    for (const std::int64_t row : batch_of(*sampler, step)) two_steps.insert(row);
    for (const std::int64_t row : batch_of(*sampler, step + 1)) two_steps.insert(row);
    complete += two_steps.size() == 10 ? 1 : 0;
  }
  // Two independent halves of 10 rows are complementary with probability 1/252.
  EXPECT_LE(complete, 3);
}

TEST(MakeSampler, RefusesWhatItCannotDo) {
  EXPECT_THROW(make_sampler("epoch", 0, 10, 11), std::invalid_argument);
  EXPECT_THROW(make_sampler("iid", 0, 10, 0), std::invalid_argument);
  EXPECT_THROW(make_sampler("sorted", 0, 10, 1), std::invalid_argument);
}

}  // namespace
}  // namespace edgesweep
