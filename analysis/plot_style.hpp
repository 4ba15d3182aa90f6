#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace edgesweep {

/// Rows of a gnuplot data block; an empty row breaks a line.
using Rows = std::vector<std::vector<double>>;

/// The range of the positive finite values among those included: what a log axis has to show.
struct Limits {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;

  void include(double value);
  bool empty() const { return high == 0; }
  /// Apart by `factor` at least, around the same middle.
  void widen_to(double factor);
};

/// Axes of every picture: tics outside, two sides of a frame.
extern const char* const kFrameStyle;
/// Lines at a critical value.
extern const char* const kThresholdStyle;
/// Lines of the grid behind trajectories.
extern const char* const kGridColour;

/// `set xrange [low:high]` and the like for axis "x", "y", "cb".
std::string set_range(const std::string& axis, double low, double high);

/// The axis of the palette, logarithmic, as a box at the right between two heights (shares of the picture)
/// with ticks in gnuplot's form.
std::string colour_box(const std::string& label, const Limits& range, const std::string& ticks, double bottom,
                       double top);

/// `set lmargin at screen …` and the like for margin "lmargin", …; a share of the picture.
std::string set_margin(const std::string& margin, double position);

/// Panels side by side and below each other, in reading order.
struct PanelGrid {
  std::size_t count;
  std::size_t columns;
  double left, right, bottom, top;  ///< shares of the picture
  double gap_x, gap_y;              ///< between panels

  std::size_t rows() const { return (count + columns - 1) / columns; }
  bool in_first_column(std::size_t at) const { return at % columns == 0; }
  bool in_last_row(std::size_t at) const { return at + columns >= count; }
  /// The four margins of a panel.
  std::string margins(std::size_t at) const;
};

/// Colours that stay apart for colour-blind readers (Okabe & Ito 2008): black first, then seven hues, then
/// again.
std::string series_colour(std::size_t at);

/// Viridis colours of ascending positive values, by their logarithm, up to where it is too pale for lines.
std::vector<std::string> viridis_colours(const std::vector<double>& values);

/// `(1, 2, 4, …)`: ticks at the batch sizes themselves, left out where they come closer than a factor of 1.3
/// to the one before. `batches` ascending.
std::string batch_ticks(const std::vector<std::int64_t>& batches);

/// A number in a legend.
std::string short_number(double value, int digits = 3);

/// An entry of a legend: how its sample is drawn, and its enhanced text.
struct LegendEntry {
  std::string style;  ///< "with lines …"
  std::string title;
};

/// The last panel of a multiplot, which shows nothing but a legend: its left and top edge, shares of the
/// picture.
std::string legend_panel(const std::vector<LegendEntry>& entries, double left, double top);

}  // namespace edgesweep
