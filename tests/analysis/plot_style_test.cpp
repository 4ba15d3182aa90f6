#include "analysis/plot_style.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "analysis/clipped_lines.hpp"
#include "analysis/gnuplot.hpp"

namespace edgesweep {
namespace {

TEST(Limits, HoldWhatALogAxisCanShow) {
  Limits limits;
  EXPECT_TRUE(limits.empty());
  for (const double value : {0.0, -1.0, std::nan(""), HUGE_VAL}) limits.include(value);
  EXPECT_TRUE(limits.empty());
  limits.include(4);
  limits.widen_to(4);
  EXPECT_NEAR(limits.low, 2, 1e-15);
  EXPECT_NEAR(limits.high, 8, 1e-15);
  limits.widen_to(2);
  EXPECT_NEAR(limits.high, 8, 1e-15);
}

TEST(PanelGrid, SharesTheSpaceBetweenItsPanels) {
  const PanelGrid grid{5, 3, 0.1, 0.9, 0.1, 0.9, 0.1, 0.2};
  EXPECT_EQ(grid.rows(), 2u);
  // Three panels of 0.2 with gaps of 0.1; two rows of 0.3 with a gap of 0.2.
  double left = 0, right = 0, top = 0, bottom = 0;
  ASSERT_EQ(
      std::sscanf(grid.margins(4).c_str(),
                  "set lmargin at screen %lf set rmargin at screen %lf set tmargin at screen %lf set bmargin "
                  "at screen %lf",
                  &left, &right, &top, &bottom),
      4);
  EXPECT_NEAR(left, 0.4, 1e-12);
  EXPECT_NEAR(right, 0.6, 1e-12);
  EXPECT_NEAR(top, 0.4, 1e-12);
  EXPECT_NEAR(bottom, 0.1, 1e-12);
  EXPECT_TRUE(grid.in_first_column(3) && !grid.in_first_column(4));
  EXPECT_TRUE(grid.in_last_row(2) && !grid.in_last_row(1));  // nothing stands below the third
}

TEST(ViridisColour, RunsThroughTheMap) {
  EXPECT_EQ(viridis_colour(0), "#440154");
  EXPECT_EQ(viridis_colour(0.5), "#21918c");
  EXPECT_EQ(viridis_colour(1), "#fde725");
  EXPECT_EQ(viridis_colour(0.05), "#461365");  // half way to 482475, rounded up
  EXPECT_EQ(viridis_colours({1, 10, 100}).at(0), "#440154");
  EXPECT_EQ(viridis_colours({7}).size(), 1u);
}

TEST(BatchTicks, LeaveOutWhatWouldOverlap) {
  EXPECT_EQ(batch_ticks({1, 2, 4}), "(1, 2, 4)");
  EXPECT_EQ(batch_ticks({50, 60, 100}), "(50, 100)");
}

TEST(ClipCurves, RangeIsThatOfCalmCurvesAndTenTimesMore) {
  const std::vector<Curve> curves{{{1, 2, 3}, {1, 0.5, 0.1}, 1, false}, {{1, 2, 3}, {1, 5, 1000}, 2, true}};
  const ClippedLines lines = clip_curves(curves, std::nan(""));
  EXPECT_NEAR(lines.high, 13, 1e-12);
  EXPECT_NEAR(lines.low, 0.1 / 1.3, 1e-12);
  ASSERT_EQ(lines.above.size(), 1u);  // where the wild one meets the upper edge
  EXPECT_EQ(lines.above[0][0], 3);
  EXPECT_TRUE(lines.ends.empty());  // its end is outside
  EXPECT_TRUE(clip_curves({{{1}, {0}, 1, false}}, 1).empty());
}

}  // namespace
}  // namespace edgesweep
