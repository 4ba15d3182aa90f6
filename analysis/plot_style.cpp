#include "analysis/plot_style.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analysis/gnuplot.hpp"
#include "analysis/table_text.hpp"

namespace edgesweep {

const char* const kFrameStyle = "set tics out nomirror\nset border 3 lw 1.2 lc rgb '#444444'\n";
const char* const kThresholdStyle = "lw 1.5 dt (8,5) lc rgb '#e3004f'";
const char* const kGridColour = "lc rgb '#e5e5e5' lw 1";

void Limits::include(double value) {
  if (!(value > 0) || std::isinf(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

void Limits::widen_to(double factor) {
  if (empty() || high >= low * factor) return;
  const double missing = std::sqrt(factor * low / high);
  low /= missing;
  high *= missing;
}

std::string set_range(const std::string& axis, double low, double high) {
  return "set " + axis + "range [" + number_text(low) + ":" + number_text(high) + "]\n";
}

std::string colour_box(const std::string& label, const Limits& range, const std::string& ticks, double bottom,
                       double top) {
  return "set logscale cb\n" + set_range("cb", range.low, range.high) + "set cbtics " + ticks +
         "\nset cblabel \"" + label + "\" offset 1,0\nset colorbox user origin screen 0.875," +
         number_text(bottom) + " size screen 0.022," + number_text(top - bottom) + "\n";
}

std::string set_margin(const std::string& margin, double position) {
  return "set " + margin + " at screen " + number_text(position) + "\n";
}

std::string PanelGrid::margins(std::size_t at) const {
  const double width = (right - left + gap_x) / static_cast<double>(columns);
  const double height = (top - bottom + gap_y) / static_cast<double>(rows());
  const double x = left + width * static_cast<double>(at % columns);
  const double y = top - height * static_cast<double>(at / columns);
  return set_margin("lmargin", x) + set_margin("rmargin", x + width - gap_x) + set_margin("tmargin", y) +
         set_margin("bmargin", y - height + gap_y);
}

std::string series_colour(std::size_t at) {
  static const char* const kColours[] = {"#000000", "#0072b2", "#d55e00", "#009e73",
                                         "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a"};
  return kColours[at % 8];
}

std::vector<std::string> viridis_colours(const std::vector<double>& values) {
  std::vector<std::string> colours;
  if (values.empty()) return colours;
  const double decades = std::log(values.back() / values.front());
  for (const double value : values) {
    colours.push_back(viridis_colour(decades > 0 ? 0.9 * std::log(value / values.front()) / decades : 0));
  }
  return colours;
}

std::string batch_ticks(const std::vector<std::int64_t>& batches) {
  std::string text = "(";
  double last = 0;
  for (const std::int64_t each : batches) {
    const auto batch = static_cast<double>(each);
    if (batch <= last * 1.3) continue;
    text.append(last > 0 ? ", " : "").append(std::to_string(each));
    last = batch;
  }
  return text + ")";
}

std::string short_number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string legend_panel(const std::vector<LegendEntry>& entries, double left, double top) {
  std::string script = set_margin("lmargin", left) + set_margin("rmargin", 0.99) +
                       set_margin("tmargin", top) + set_margin("bmargin", 0.1) +
                       "unset border\nunset tics\nunset title\nunset xlabel\nunset ylabel\nunset logscale\n" +
                       set_range("x", 0, 1) + set_range("y", 0, 1) + "set key at screen " +
                       number_text(left) + "," + number_text(top) +
                       " left top vertical Left reverse samplen 1.5 spacing 1.4 font ',12'\nplot ";
  for (std::size_t at = 0; at < entries.size(); ++at) {
    script += (at > 0 ? ", NaN " : "NaN ") + entries[at].style + " title \"" + entries[at].title + "\"";
  }
  return script + "\n";
}

}  // namespace edgesweep
