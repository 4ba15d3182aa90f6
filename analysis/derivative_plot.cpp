#include "analysis/derivative_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "analysis/cell_choice.hpp"
#include "analysis/heading.hpp"
#include "analysis/plot_style.hpp"
#include "analysis/replicas.hpp"
#include "analysis/table_text.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t kModes = 5;

/// One derivative: where it stands in the store, and at which step the theory speaks of it.
struct Derivative {
  const char* column;
  double step;
  const char* title;
  const char* label;
};
constexpr Derivative kDerivatives[] = {
    {"lambda_hat_d1", 1, "eigenvalues, first derivative at step 1", "Δ_1 λ̂_α"},
    {"sigma_hat_d2", 2, "singular values, second derivative at step 2", "Δ_2 σ̂_α"}};

struct Mode {
  std::size_t number;  ///< α from 1
  Rows measured;       ///< (B, mean, mean − error, mean + error), shifted sideways to stay apart
  Rows theory;         ///< (B, value), leading order
  Rows exact;          ///< the same of every order
};

struct Panel {
  Derivative derivative;
  std::vector<Mode> modes;
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double worst = 0;       ///< greatest distance from what is expected, in standard errors
  bool is_exact = false;  ///< that is the exact expectation, not the leading order
  bool logarithmic = false;

  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// Both formulas are linear in 1/B: between the batch sizes of the sweep the line follows that.
Rows between(const Rows& nodes) {
  Rows line;
  for (std::size_t at = 0; at + 1 < nodes.size(); ++at) {
    for (int part = 0; part < 16; ++part) {
      const double batch = nodes[at][0] * std::pow(nodes[at + 1][0] / nodes[at][0], part / 16.0);
      const double share = (1 / batch - 1 / nodes[at][0]) / (1 / nodes[at + 1][0] - 1 / nodes[at][0]);
      line.push_back({batch, nodes[at][1] + share * (nodes[at + 1][1] - nodes[at][1])});
    }
  }
  if (!nodes.empty()) line.push_back(nodes.back());
  return line;
}

/// (B, mean, standard error or 0) of one component of a column at a step; none if the store has no such
/// column.
Rows over_batches(const std::vector<const CellData*>& cells, const std::vector<ReplicaColumn>& columns,
                  std::size_t component, double step) {
  Rows rows;
  for (const CellData* cell : cells) {
    if (component >= columns.size()) break;
    const Estimate value = at_step(mean_over_trials(*cell, columns[component]), step);
    if (std::isnan(value.mean)) continue;
    rows.push_back({static_cast<double>(cell->batch), value.mean, std::isnan(value.sem) ? 0 : value.sem});
  }
  return rows;
}

/// Greatest distance of measured values from the expected ones of the same B, in standard errors of the
/// former.
double greatest_distance(const Rows& measured, const Rows& expected) {
  double greatest = 0;
  for (const auto& value : measured) {
    for (const auto& other : expected) {
      if (other[0] != value[0] || !(value[2] > 0)) continue;
      greatest = std::max(greatest, std::abs(value[1] - other[1]) / value[2]);
    }
  }
  return greatest;
}

Panel panel_of(const SweepData& data, const std::vector<const CellData*>& cells,
               const Derivative& derivative) {
  const std::string name = derivative.column;
  const auto measured = replica_columns(data, name);
  const auto theory = replica_columns(data, name + "_theory");
  const auto exact = replica_columns(data, name + "_exact");
  Panel panel{derivative, {}};
  panel.is_exact = !exact.empty();
  const std::size_t count = std::min(measured.size(), kModes);
  for (std::size_t at = 0; at < count; ++at) {
    const Rows values = over_batches(cells, measured, at, derivative.step);
    Mode mode{at + 1,
              {},
              over_batches(cells, theory, at, derivative.step),
              over_batches(cells, exact, at, derivative.step)};
    if (values.empty()) continue;
    const double shift = std::pow(1.05, static_cast<double>(at) - 0.5 * static_cast<double>(count - 1));
    for (const auto& value : values) {
      mode.measured.push_back({value[0] * shift, value[1], value[1] - value[2], value[1] + value[2]});
      panel.include(value[1] - value[2]);
      panel.include(value[1] + value[2]);
    }
    for (const Rows* line : {&mode.theory, &mode.exact}) {
      for (const auto& node : *line) panel.include(node[1]);
    }
    panel.worst = std::max(panel.worst, greatest_distance(values, panel.is_exact ? mode.exact : mode.theory));
    mode.theory = between(mode.theory);
    mode.exact = between(mode.exact);
    panel.modes.push_back(std::move(mode));
  }
  panel.logarithmic = panel.low > 0 && panel.high > 3 * panel.low;
  return panel;
}

std::string vertical_axis(const Panel& panel) {
  if (panel.logarithmic) {
    const double low = panel.low / 1.3;
    const double high = panel.high * 1.3;
    return "set logscale y\n" + set_range("y", low, high) + "set ytics " + log_ticks(low, high) + "\n";
  }
  const double margin = 0.06 * (panel.high - panel.low);
  return "unset logscale y\n" + set_range("y", panel.low - margin, panel.high + margin) +
         "set ytics autofreq\nset format y '%g'\n";
}

std::string panel_script(const Panel& panel, const std::string& tag) {
  std::string title = "{/:Bold " + std::string(panel.derivative.title) + "}";
  if (panel.worst > 0) {
    char worst[100];
    std::snprintf(worst, sizeof worst, "\\n{/=11 at most %.1f standard errors from %s}", panel.worst,
                  panel.is_exact ? "the exact expectation" : "theory");
    title += worst;
  }
  std::string script = vertical_axis(panel) + "set title \"" + title + "\" offset 0,-0.4\nset ylabel \"" +
                       panel.derivative.label + "\" offset 0.5,0\n";
  std::string plot = panel.logarithmic || panel.low > 0 || panel.high < 0
                         ? "plot NaN notitle"
                         : "plot 0 with lines lw 1.2 dt (2,4) lc rgb '#777777' notitle";
  for (const Mode& mode : panel.modes) {
    const std::string name = "p" + tag + "m" + std::to_string(mode.number);
    const std::string colour = "lc rgb '" + series_colour(mode.number - 1) + "'";
    script += datablock("t" + name, mode.theory) + datablock("e" + name, mode.exact) +
              datablock("d" + name, mode.measured);
    if (!mode.theory.empty())
      plot += ", \\\n  $t" + name + " using 1:2 with lines lw 1.8 " + colour + " notitle";
    if (!mode.exact.empty())
      plot += ", \\\n  $e" + name + " using 1:2 with lines lw 1.8 dt (6,4) " + colour + " notitle";
    plot += ", \\\n  $d" + name + " using 1:2:3:4 with yerrorbars pt 7 ps 0.9 lw 1.5 " + colour + " notitle";
  }
  return script + plot + "\n";
}

/// "α = 1,  σ = 12.3": σ̂ before the first step, if it was recorded.
std::string mode_title(const SweepData& data, const CellData& cell, std::size_t number) {
  std::string title = "α = " + std::to_string(number);
  const auto columns = replica_columns(data, "sigma_hat");
  if (number > columns.size()) return title;
  const double sigma = at_step(mean_over_trials(cell, columns[number - 1]), 0).mean;
  return std::isnan(sigma) ? title : title + ",  σ = " + short_number(sigma);
}

}  // namespace

std::optional<Picture> draw_discrete_derivatives(const SweepData& data, const std::string& heading) {
  const std::vector<const CellData*> cells = cells_at_shared_eta(data);
  std::vector<Panel> panels;
  for (const Derivative& derivative : kDerivatives) {
    Panel panel = panel_of(data, cells, derivative);
    if (!panel.modes.empty()) panels.push_back(std::move(panel));
  }
  if (panels.empty()) return std::nullopt;
  std::vector<std::int64_t> batches;
  for (const CellData* cell : cells) batches.push_back(cell->batch);
  Limits range;
  for (const std::int64_t batch : batches) range.include(static_cast<double>(batch));
  range = {range.low / 1.25, range.high * 1.25};
  const PanelGrid grid{panels.size(), panels.size(), 0.08, 0.815, 0.19, 0.8, 0.085, 0};

  std::string script =
      "set logscale x\n" + set_range("x", range.low, range.high) + "set xtics " + batch_ticks(batches) +
      "\n" + kFrameStyle + "set grid ytics " + kGridColour + "\nset xlabel \"batch size  B  (examples)\"\n" +
      heading_labels("Discrete derivatives at the start of training, η = " + short_number(cells.front()->eta),
                     heading, 0.47) +
      "set label 4 \"{/=12 ●  mean over replicas and seeds ± standard error     lines:  theory" +
      std::string(panels.back().is_exact ? ", leading order     dashed:  every order" : "") +
      "}\" at screen 0.47,0.035 center\nset multiplot\n";
  for (std::size_t at = 0; at < panels.size(); ++at) {
    script += grid.margins(at) + panel_script(panels[at], std::to_string(at));
    if (at == 0) script += "unset label\n";
  }
  std::vector<LegendEntry> legend;
  for (const Mode& mode : panels.front().modes) {
    legend.push_back({"with linespoints pt 7 ps 0.9 lw 2 lc rgb '" + series_colour(mode.number - 1) + "'",
                      mode_title(data, *cells.front(), mode.number)});
  }
  script += legend_panel(legend, 0.83, grid.top);
  return Picture{"discrete_derivatives", 1150, 580, script + "unset multiplot\n"};
}

}  // namespace edgesweep
