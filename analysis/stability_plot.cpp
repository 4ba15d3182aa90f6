#include "analysis/stability_plot.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/heading.hpp"
#include "analysis/plot_style.hpp"
#include "analysis/stability_measures.hpp"
#include "analysis/table_text.hpp"

namespace edgesweep {
namespace {

constexpr double kTop = 1.8;
struct Line {
  std::string label;
  std::string style;
  std::string colour;
  Rows points;
  double exact;    ///< η where it is 1; NaN: not known
  bool is_radius;  ///< of an operator that is 1 at the threshold by definition, not a noise kernel norm
};

/// (η, value × factor) until the first point above the panel; an infinite one stands at its upper edge.
Rows points_of(const PhaseSummary& phase, const std::vector<CellSummary>& cells, const std::string& quantity,
               double factor) {
  Rows rows;
  for (const CellSummary& cell : cells) {
    const double value = phase.mean(cell, quantity) * factor;
    if (std::isnan(value)) continue;
    rows.push_back({cell.eta, std::isinf(value) ? kTop : value});
    if (value >= kTop) break;
  }
  return rows;
}

std::string edge_label(double edge) {
  return "ηλ_{max} / " + short_number(edge);
}

std::vector<Line> lines_of(const PhaseSummary& phase, const BoundarySummary& boundaries,
                           const std::vector<CellSummary>& cells, const BatchBoundary& row) {
  std::vector<Line> lines;
  for (const StabilityMeasure& measure : stability_measures(phase)) {
    lines.push_back({measure.label, measure.style, measure.colour,
                     points_of(phase, cells, measure.quantity, 1), boundaries.eta(row, measure.exact),
                     measure.is_radius});
  }
  if (phase.has("eta_ntk_lambda_max_initial")) {
    const std::string colour = series_colour(4);
    lines.push_back({edge_label(boundaries.edge), "lw 2 dt (8,3,2,3) lc rgb '" + colour + "'", colour,
                     points_of(phase, cells, "eta_ntk_lambda_max_initial", 1 / boundaries.edge), row.edge_eta,
                     false});
  }
  std::erase_if(lines, [](const Line& line) { return line.points.empty(); });
  return lines;
}

/// Grey from the first diverged η on, paler between it and the last converged one.
std::string divergence_shade(const Crossing& diverges, double high) {
  if (std::isnan(diverges.upper)) return "";
  const auto area = [](int number, double from, double to, const char* colour) {
    return "set object " + std::to_string(number) + " rectangle from first " + number_text(from) +
           ", graph 0 to first " + number_text(to) + ", graph 1 behind fs solid noborder fc rgb '" + colour +
           "'\n";
  };
  std::string script = area(1, diverges.upper, high, "#ebe7e2");
  if (!std::isnan(diverges.lower)) script += area(2, diverges.lower, diverges.upper, "#f6f4f1");
  return script;
}

}  // namespace

std::optional<Picture> draw_stability(const PhaseSummary& phase, const BoundarySummary& boundaries,
                                      std::int64_t batch, const std::string& heading) {
  std::vector<CellSummary> cells;
  Limits etas;
  for (const CellSummary& cell : phase.cells) {
    if (cell.batch != batch || cell.ended() == 0) continue;
    cells.push_back(cell);
    etas.include(cell.eta);
  }
  if (cells.empty()) return std::nullopt;
  std::sort(cells.begin(), cells.end(),
            [](const CellSummary& a, const CellSummary& b) { return a.eta < b.eta; });
  etas.widen_to(1.5);
  const auto row = std::find_if(boundaries.rows.begin(), boundaries.rows.end(),
                                [batch](const BatchBoundary& each) { return each.batch == batch; });
  const std::vector<Line> lines = lines_of(phase, boundaries, cells, *row);
  if (lines.empty()) return std::nullopt;
  const Crossing diverges = row->crossings[static_cast<std::size_t>(boundaries.find("eta_diverges"))];

  std::string script =
      "set logscale x\n" + set_range("x", etas.low, etas.high) + set_range("y", 0, kTop) + "set xtics " +
      log_ticks(etas.low, etas.high) + "\nset ytics 0.2\n" + kFrameStyle + "set grid ytics " + kGridColour +
      "\nset clip two\nset xlabel \"learning rate  η\" offset 0,-0.2\nset ylabel \"stability measure\" "
      "offset "
      "-0.5,0\n" +
      set_margin("lmargin", 0.09) + set_margin("rmargin", 0.79) + set_margin("bmargin", 0.17) +
      set_margin("tmargin", 0.885) +
      heading_labels("Stability measures of the linear model at batch size B = " + std::to_string(batch),
                     heading, 0.47) +
      "set key at screen 0.805,0.885 left top vertical Left reverse samplen 2.5 spacing 1.35 font ',12'\n" +
      divergence_shade(diverges, etas.high);
  std::string plot = "plot 1 with lines " + std::string(kThresholdStyle) + " title \"threshold\"";
  std::string marks;
  bool any_exact = false;
  for (std::size_t at = lines.size(); at-- > 0;) {  // the exact measure is drawn last, on top
    const std::string block = "line" + std::to_string(at);
    script += datablock(block, lines[at].points);
    plot += ", \\\n  $" + block + " using 1:2 with linespoints pt 7 ps 0.35 " + lines[at].style + " notitle";
    if (lines[at].exact >= etas.low && lines[at].exact <= etas.high) {
      any_exact = true;
      script += datablock("mark" + std::to_string(at), {{lines[at].exact, 1}});
      const std::string mark = ", \\\n  $mark" + std::to_string(at) + " using 1:2 with points pt 7 lc rgb '" +
                               lines[at].colour + "' ps ";
      // λ_max(T) and K_full are 1 together, λ_max(A+N) and K as well: the one is a ring around the other.
      if (lines[at].is_radius) {
        marks.insert(0, mark + "1.7 notitle");
      } else {
        marks += mark + "0.9 notitle";
      }
    }
  }
  for (const Line& line : lines) {
    plot += ", \\\n  NaN with lines " + line.style + " title \"" + line.label + "\"";
  }
  std::string caption;
  if (any_exact) caption += "●  where a measure is 1, computed exactly     ";
  if (!std::isnan(diverges.upper)) caption += "grey:  simulated training diverged";
  script += "set label 4 \"{/=12 " + caption + "}\" at screen 0.44,0.03 center\n";
  return Picture{"stability_b" + std::to_string(batch), 1000, 650, script + plot + marks + "\n"};
}

}  // namespace edgesweep
