#include "engine/schedule/shard.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/error.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

/// Seconds of a trial by FakeCatalog: B a step, 10 a record.
double seconds_of(const Sweep& sweep, std::int64_t trial) {
  const Cell& cell = sweep.cells[static_cast<std::size_t>(trial) / sweep.seeds.size()];
  return static_cast<double>(cell.batch * cell.steps) +
         10.0 * static_cast<double>(std::min(sweep.records.count, cell.steps + 1));
}

TEST(Shard, IsWrittenAndReadAsIOfN) {
  EXPECT_EQ(parse_shard("2/4"), (Shard{2, 4}));
  EXPECT_EQ(parse_shard("1/1").text(), "1/1");
  for (const char* wrong : {"", "/", "0/4", "5/4", "2", "2/", "/4", "2/4 ", " 2/4", "+2/4", "2/-4", "a/4", "2/4/8", "1/99999999999999999999"}) {
    EXPECT_THROW(parse_shard(wrong), InputError) << wrong;
  }
}

TEST(Shard, EveryTrialIsInExactlyOneOfN) {
  const Sweep sweep = fake_sweep();
  for (const std::int64_t count : {1, 2, 3, 5, 18, 40}) {
    std::vector<int> owners(static_cast<std::size_t>(sweep.trial_count()), 0);
    for (std::int64_t index = 1; index <= count; ++index) {
      const std::vector<bool> mine = trials_of_shard(sweep, FakeCatalog(), {index, count});
      for (std::size_t trial = 0; trial < mine.size(); ++trial) owners[trial] += mine[trial] ? 1 : 0;
    }
    EXPECT_TRUE(std::ranges::all_of(owners, [](int n) { return n == 1; })) << count;
  }
}

// Longest first to the least loaded: no shard exceeds the mean by more than its last, that is its shortest, trial.
TEST(Shard, SharesThePredictedCost) {
  const Sweep sweep = fake_sweep();
  double total = 0;
  for (std::int64_t trial = 0; trial < sweep.trial_count(); ++trial) total += seconds_of(sweep, trial);
  for (std::int64_t index = 1; index <= 3; ++index) {
    const std::vector<bool> mine = trials_of_shard(sweep, FakeCatalog(), {index, 3});
    double load = 0, shortest = total;
    for (std::int64_t trial = 0; trial < sweep.trial_count(); ++trial) {
      if (!mine[static_cast<std::size_t>(trial)]) continue;
      load += seconds_of(sweep, trial);
      shortest = std::min(shortest, seconds_of(sweep, trial));
    }
    EXPECT_LE(load, total / 3 + shortest);
  }
}

}  // namespace
}  // namespace edgesweep
