#pragma once

#include <string>
#include <vector>

#include "analysis/plot_style.hpp"

namespace edgesweep {

/// Something along one trial.
struct Curve {
  std::vector<double> x;
  std::vector<double> y;  ///< as many; NaN is passed over
  double colour;          ///< value on the colour axis
  bool diverged;
};

/// Curves as a panel with a logarithmic vertical axis shows them, (x, y, colour) a row. The range holds all
/// that curves which did not diverge show, the start of the others, and of these up to ten times more: the
/// blow-up of a diverging trial would flatten all else. Downwards it ends twelve decades below its top.
struct ClippedLines {
  Rows points;
  Rows above;  ///< where a line leaves the panel upwards, at its upper edge
  Rows below;  ///< the same downwards; zeros as well
  Rows ends;   ///< last point of each diverged curve that is inside
  double low;
  double high;  ///< 0 if no curve has a positive finite value

  bool empty() const { return high == 0; }
};

/// `line` is a critical value that the panel must show; NaN: none.
ClippedLines clip_curves(const std::vector<Curve>& curves, double line);

/// The data blocks of the lines; `tag` tells those of one picture's panels apart.
std::string line_blocks(const ClippedLines& lines, const std::string& tag);

/// What follows `plot` to draw them, coloured by the palette: a cross at the end of a diverged curve, a
/// triangle where one leaves the panel.
std::string line_layers(const ClippedLines& lines, const std::string& tag);

}  // namespace edgesweep
