#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/spec/sweep.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;

TEST(RecordSteps, ShortTrialsAreMeasuredAtEveryStep) {
  for (const char* spacing : {"log", "linear"}) {
    EXPECT_THAT(record_steps({60, spacing}, 1), ElementsAre(0, 1));
    EXPECT_THAT(record_steps({60, spacing}, 5), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_THAT(record_steps({6, spacing}, 5), ElementsAre(0, 1, 2, 3, 4, 5));
  }
}

TEST(RecordSteps, TwoRecordsAreTheFirstAndTheLast) {
  for (const char* spacing : {"log", "linear"}) {
    EXPECT_THAT(record_steps({2, spacing}, 1000), ElementsAre(0, 1000));
  }
}

TEST(RecordSteps, LinearSpacingHasConstantDifferences) {
  EXPECT_THAT(record_steps({5, "linear"}, 1000), ElementsAre(0, 250, 500, 750, 1000));
  EXPECT_THAT(record_steps({4, "linear"}, 10), ElementsAre(0, 3, 7, 10));
}

TEST(RecordSteps, LogSpacingHasConstantRatios) {
  EXPECT_THAT(record_steps({5, "log"}, 1000), ElementsAre(0, 1, 10, 100, 1000));
  EXPECT_THAT(record_steps({8, "log"}, 1000000), ElementsAre(0, 1, 10, 100, 1000, 10000, 100000, 1000000));
}

TEST(RecordSteps, LogSpacingTakesEveryStepWhereItsPointsAreDenser) {
  // Points 1, 1.78, 3.16, 5.62, 10; then one more and the crowded beginning is filled up: 1, 2, 3, 4, 6, 10.
  EXPECT_THAT(record_steps({6, "log"}, 10), ElementsAre(0, 1, 2, 3, 6, 10));
  EXPECT_THAT(record_steps({7, "log"}, 10), ElementsAre(0, 1, 2, 3, 4, 6, 10));
}

TEST(RecordSteps, AllPlansIncreaseFromZeroToTheLastStepWithAsManyRecordsAsAllowed) {
  for (const char* spacing : {"log", "linear"}) {
    for (std::int64_t count = 2; count < 80; count += 3) {
      for (const std::int64_t steps :
           {1L, 2L, 3L, 7L, 59L, 60L, 61L, 100L, 37500L, 1200000L, 1000000000000L}) {
        const auto chosen = record_steps({count, spacing}, steps);
        ASSERT_EQ(chosen.front(), 0);
        ASSERT_EQ(chosen.back(), steps);
        ASSERT_EQ(static_cast<std::int64_t>(chosen.size()), std::min(count, steps + 1));
        ASSERT_TRUE(std::is_sorted(chosen.begin(), chosen.end(), std::less_equal<>()))
            << count << " " << steps;
      }
    }
  }
}

}  // namespace
}  // namespace edgesweep
