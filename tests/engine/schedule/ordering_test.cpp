#include "engine/schedule/ordering.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/schedule/trial_queue.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;

TEST(Ordering, SizesFollowTheTrialIndices) {
  const Sweep sweep = fake_sweep();
  const std::vector<TrialSize> sizes = trial_sizes(sweep);
  ASSERT_EQ(sizes.size(), static_cast<std::size_t>(sweep.trial_count()));
  for (std::int64_t index = 0; index < sweep.trial_count(); ++index) {
    const Trial trial = make_trial(sweep, index);
    const TrialSize& size = sizes[static_cast<std::size_t>(index)];
    EXPECT_EQ(size.batch, trial.cell.batch);
    EXPECT_EQ(size.steps, trial.cell.steps);
    EXPECT_EQ(size.records, static_cast<std::int64_t>(trial.record_steps.size()));
  }
}

TEST(Ordering, LongestTrialsComeFirstAndEqualOnesKeepTheirOrder) {
  EXPECT_THAT(longest_first(std::vector<double>{1, 3, 2, 3}), ElementsAre(1, 3, 2, 0));
}

TEST(Ordering, ListScheduleReachesGrahamsWorstCaseOnHisExample) {
  // Graham 1969: lengths 5 5 4 4 3 3 3 on three workers take 11 longest-first, 9 at best.
  const Makespan makespan = list_schedule(std::vector<double>{5, 5, 4, 4, 3, 3, 3}, 3);
  EXPECT_DOUBLE_EQ(makespan.seconds, 11);
  EXPECT_DOUBLE_EQ(makespan.work_seconds, 27);
  EXPECT_DOUBLE_EQ(makespan.efficiency, 27.0 / 33.0);
}

TEST(Ordering, OneWorkerIsAlwaysBusyAndNoWorkTakesNoTime) {
  const Makespan one = list_schedule(std::vector<double>{1, 2, 3}, 1);
  EXPECT_DOUBLE_EQ(one.seconds, 6);
  EXPECT_DOUBLE_EQ(one.efficiency, 1);
  EXPECT_DOUBLE_EQ(list_schedule({}, 4).seconds, 0);
}

TEST(TrialQueue, GivesTheLongestAndFollowsWhatTheCostModelLearns) {
  const std::vector<TrialSize> sizes{{1, 100, 0}, {10, 20, 0}, {1, 300, 0}};
  CostModel costs(fake_sweep(), FakeCatalog());
  TrialQueue queue(sizes, costs);
  for (const std::int64_t trial : {0, 1, 2}) {
    queue.push(trial);
  }
  const auto any = [](std::int64_t) { return true; };
  EXPECT_DOUBLE_EQ(queue.seconds(), 100 + 200 + 300);
  EXPECT_EQ(queue.pop(any), 2);
  costs.observe(1, 100, 0, 1000);  // B = 1 is ten times slower than predicted; B = 10 as yet unknown
  costs.observe(10, 10, 0, 10);    // and B = 10 ten times faster
  EXPECT_EQ(queue.pop(any), 0);
  EXPECT_DOUBLE_EQ(queue.seconds(), 20);
  EXPECT_EQ(queue.pop([](std::int64_t trial) { return trial != 1; }), std::nullopt);
  EXPECT_EQ(queue.pop(any), 1);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace edgesweep
