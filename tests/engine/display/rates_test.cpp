#include <gtest/gtest.h>

#include "engine/display/duration.hpp"
#include "engine/display/progress_line.hpp"
#include "engine/display/rate_window.hpp"
#include "engine/display/text_block.hpp"

namespace edgesweep {
namespace {

TEST(Duration, IsReadAtAGlance) {
  EXPECT_EQ(duration_text(0.4), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(185), "3 min 05 s");
  EXPECT_EQ(duration_text(7800), "2 h 10 min");
  EXPECT_EQ(duration_text(99 * 3600), "4 d 3 h");
}

TEST(RateWindow, KnowsNothingAtFirst) {
  RateWindow rate(60);
  EXPECT_FALSE(rate.per_second());
  rate.add(100, 7);
  EXPECT_FALSE(rate.per_second());
  rate.add(100.1, 8);
  EXPECT_FALSE(rate.per_second()) << "a tenth of a second says nothing";
}

TEST(RateWindow, IsThatOfTheLastMinute) {
  RateWindow rate(60);
  for (int second = 0; second <= 200; ++second) {
    rate.add(second, 5 * second);
  }
  EXPECT_DOUBLE_EQ(*rate.per_second(), 5);
  for (int second = 201; second <= 400; ++second) {
    rate.add(second, 1000);
  }
  EXPECT_DOUBLE_EQ(*rate.per_second(), 0) << "nothing came in the last minute";
}

TEST(RateWindow, SamplesThatComeOftenAreRatesToo) {
  RateWindow rate(60);
  for (int i = 0; i <= 100000; ++i) {
    rate.add(i * 0.001, i);
  }
  EXPECT_NEAR(*rate.per_second(), 1000, 1e-6);
}

TEST(RateText, HasDigitsThatMatter) {
  EXPECT_EQ(rate_text(0), "0.0");
  EXPECT_EQ(rate_text(0.0523), "0.052");
  EXPECT_EQ(rate_text(31.44), "31.4");
  EXPECT_EQ(rate_text(12345.6), "12346");
}

TEST(ProgressText, TellsWhatMattersFirst) {
  RunNow run;
  run.progress = {.trials = 96, .done = 30, .diverged = 3, .failed = 1, .running = 2, .waiting = 60};
  EXPECT_EQ(progress_text(run), "34/96 trials, 1 failed, 2 running, 3 diverged");
  run.records_per_second = 31.44;
  run.seconds_left = 220;
  EXPECT_EQ(progress_text(run), "34/96 trials, 1 failed, 3 min 40 s left, 31.4 records/s, 2 running, 3 diverged");
  run.stopping = true;
  run.progress.diverged = run.progress.failed = 0;
  EXPECT_EQ(progress_text(run), "30/96 trials, stopping, 31.4 records/s, 2 running");
}

TEST(TextBlock, CutsBetweenCharacters) {
  EXPECT_EQ(line_count("a\nb\n"), 2U);
  EXPECT_EQ(clipped("abcdef\nη×η\nx\n", 2, 2), "ab\nη×\n");
  EXPECT_EQ(clipped("abc\n", 3, 5), "abc\n");
  EXPECT_EQ(clipped("abc\n", 3, 0), "");
}

}  // namespace
}  // namespace edgesweep
