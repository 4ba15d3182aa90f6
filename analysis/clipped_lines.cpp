#include "analysis/clipped_lines.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/gnuplot.hpp"

namespace edgesweep {
namespace {

/// Least value that a panel shows, as a share of the greatest.
constexpr double kDecades = 1e-12;

void set_range(ClippedLines& lines, const std::vector<Curve>& curves, double line) {
  Limits all;
  Limits calm;
  Limits wild;
  for (const Curve& curve : curves) {
    for (std::size_t at = 0; at < curve.y.size(); ++at) {
      all.include(curve.y[at]);
      (curve.diverged && at > 0 ? wild : calm).include(curve.y[at]);
    }
  }
  if (all.empty()) return;
  calm.include(line);
  lines.high = std::max(calm.high, std::min(wild.high, calm.high * 10)) * 1.3;
  lines.low = std::max(std::min(all.low, calm.high), lines.high * kDecades) / 1.3;
}

}  // namespace

ClippedLines clip_curves(const std::vector<Curve>& curves, double line) {
  ClippedLines lines{};
  set_range(lines, curves, line);
  if (lines.empty()) return lines;
  for (const Curve& curve : curves) {
    std::vector<double> last;
    bool inside = true;
    for (std::size_t at = 0; at < curve.y.size(); ++at) {
      const double value = curve.y[at];
      if (std::isnan(value)) continue;
      const bool was_inside = std::exchange(inside, value >= lines.low && value <= lines.high);
      last = {curve.x[at], std::clamp(value, lines.low, lines.high), curve.colour};
      // Where it leaves the panel the line meets the edge and breaks.
      if (inside || was_inside) lines.points.push_back(last);
      if (!inside && was_inside) {
        (value > lines.high ? lines.above : lines.below).push_back(last);
        lines.points.emplace_back();
      }
    }
    if (!last.empty() && curve.diverged && inside) lines.ends.push_back(last);
    lines.points.emplace_back();
  }
  return lines;
}

std::string line_blocks(const ClippedLines& lines, const std::string& tag) {
  return datablock("lines" + tag, lines.points) + datablock("above" + tag, lines.above) +
         datablock("below" + tag, lines.below) + datablock("ends" + tag, lines.ends);
}

std::string line_layers(const ClippedLines& lines, const std::string& tag) {
  std::string script = "$lines" + tag + " using 1:2:3 with lines lw 2 lc palette notitle";
  if (!lines.ends.empty())
    script += ", $ends" + tag + " using 1:2:3 with points pt 2 ps 1.2 lw 2.5 lc palette notitle";
  if (!lines.above.empty())
    script += ", $above" + tag + " using 1:2:3 with points pt 9 ps 1.3 lc palette notitle";
  if (!lines.below.empty())
    script += ", $below" + tag + " using 1:2:3 with points pt 11 ps 1.3 lc palette notitle";
  return script;
}

}  // namespace edgesweep
