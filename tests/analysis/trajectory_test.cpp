#include "analysis/trajectory.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace edgesweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Trajectory, FinalIsTheLastMeasuredValue) {
  EXPECT_EQ(final_value(std::vector{3.0, 2.0, kNan}), 2.0);
  EXPECT_EQ(final_value(std::vector{3.0, kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(final_value(std::vector{kNan})));
  EXPECT_TRUE(std::isnan(final_value(std::vector<double>{})));
}

TEST(Trajectory, InitialIsTheRecordBeforeTheFirstStep) {
  EXPECT_EQ(initial_value(std::vector{3.0, 2.0}), 3.0);
  EXPECT_TRUE(std::isnan(initial_value(std::vector<double>{})));
}

TEST(Trajectory, ExtremesPassOverWhatWasNotMeasured) {
  EXPECT_EQ(least_value(std::vector{kNan, 2.0, 1.0, kNan}), 1.0);
  EXPECT_EQ(greatest_value(std::vector{kNan, 2.0, kInfinity, 1.0}), kInfinity);
  EXPECT_TRUE(std::isnan(greatest_value(std::vector{kNan})));
}

TEST(Trajectory, MedianTakesTheRecordsFromHalfOfTheStepsOn) {
  const std::vector<double> steps{0, 10, 50, 60, 100};
  EXPECT_EQ(second_half_median(steps, std::vector{9.0, 9.0, 5.0, 1.0, 3.0}), 3.0);
  EXPECT_EQ(second_half_median(steps, std::vector{9.0, 9.0, kNan, 1.0, 3.0}), 2.0);
  EXPECT_EQ(second_half_median(steps, std::vector{0.0, 0.0, 1.0, kInfinity, kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(second_half_median(steps, std::vector{9.0, 9.0, kNan, kNan, kNan})));
}

TEST(Trajectory, MedianOfATrialThatNeverStepped) {
  EXPECT_EQ(second_half_median(std::vector{0.0}, std::vector{0.7}), 0.7);
}

TEST(Trajectory, StepsAboveCountFromEachRecordToTheNext) {
  const std::vector<double> steps{0, 10, 50, 60, 100};
  EXPECT_EQ(steps_above(steps, std::vector{2.0, 1.0, 1.5, kInfinity, 7.0}, 1.0), 10 + 10 + 40);
  EXPECT_EQ(steps_above(steps, std::vector{0.5, 0.5, 0.5, 0.5, 7.0}, 1.0), 0);
}

TEST(Trajectory, StepsAboveSpanRecordsWithoutMeasurement) {
  const std::vector<double> steps{0, 10, 50, 60, 100};
  EXPECT_EQ(steps_above(steps, std::vector{2.0, kNan, 0.5, 2.0, kNan}, 1.0), 50);
  EXPECT_TRUE(std::isnan(steps_above(steps, std::vector{kNan, kNan, kNan, kNan, kNan}, 1.0)));
}

}  // namespace
}  // namespace edgesweep
