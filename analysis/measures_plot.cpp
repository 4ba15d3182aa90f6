#include "analysis/measures_plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/heading.hpp"
#include "analysis/plot_style.hpp"
#include "analysis/stability_measures.hpp"
#include "analysis/table_text.hpp"
#include "analysis/trajectory.hpp"

namespace edgesweep {
namespace {

/// Beyond this a measure has long said what it has to say.
constexpr double kGreatestMeasure = 20;
constexpr double kLeastMeasure = 1e-3;
/// A spectral radius is close to 1 or has left it.
constexpr Limits kRadius{0.8, 5};
/// How far above the start the loss is shown; diverging cells end anywhere.
constexpr double kRise = 100;
constexpr double kDecades = 1e-8;

/// Loss before the first step, of the first trial that recorded it: the model and its targets are those of
/// every trial. NaN if none has.
double start_loss(const SweepData& data, const std::string& column) {
  for (const CellData& cell : data.cells) {
    for (const TrialData& trial : cell.trials) {
      const double value = initial_value(trial.columns.at(column));
      if (!std::isnan(value)) return value;
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::vector<JudgedCell> judged_cells(const PhaseSummary& phase, const BoundarySummary& boundaries,
                                     const std::string& measure, const std::string& loss) {
  std::vector<JudgedCell> cells;
  for (const CellSummary& cell : phase.cells) {
    const auto row = std::find_if(boundaries.rows.begin(), boundaries.rows.end(),
                                  [&](const BatchBoundary& each) { return each.batch == cell.batch; });
    const JudgedCell judged{phase.mean(cell, measure), phase.mean(cell, loss), cell.is_diverged(),
                            static_cast<double>(cell.batch)};
    const bool known = judged.measure > 0 && !std::isnan(judged.loss);
    if (row->has_noise && cell.ended() > 0 && known) cells.push_back(judged);
  }
  return cells;
}

Limits loss_limits(const std::vector<JudgedCell>& cells, double start) {
  Limits limits;
  limits.include(start);
  for (const JudgedCell& cell : cells) limits.include(std::min(cell.loss, start * kRise));
  limits.high *= 1.6;
  limits.low = std::max(limits.low, limits.high * kDecades) / 1.6;
  return limits;
}

struct Panel {
  StabilityMeasure measure;
  std::vector<JudgedCell> cells;
};

Limits measure_limits(const std::vector<JudgedCell>& cells) {
  Limits limits;
  limits.include(1);
  for (const JudgedCell& cell : cells) {
    limits.include(std::clamp(cell.measure, kLeastMeasure, kGreatestMeasure));
  }
  limits.widen_to(1.2);
  return limits;
}

/// The panels of noise kernel norms share an axis, so that they can be compared; one of a spectral radius has
/// its own.
std::vector<Limits> horizontal_limits(const std::vector<Panel>& panels) {
  Limits norms;
  std::vector<Limits> all;
  for (const Panel& panel : panels) {
    all.push_back(panel.measure.is_radius ? kRadius : measure_limits(panel.cells));
    if (panel.measure.is_radius) continue;
    norms.include(all.back().low);
    norms.include(all.back().high);
  }
  for (std::size_t at = 0; at < panels.size(); ++at) {
    if (!panels[at].measure.is_radius) all[at] = norms;
    const double margin = std::pow(all[at].high / all[at].low, 0.04);
    all[at].low /= margin;
    all[at].high *= margin;
  }
  return all;
}

std::string panel_script(const Panel& panel, const Limits& x, const Limits& y, double start,
                         const std::string& tag) {
  Rows calm;
  Rows crossed;
  for (const JudgedCell& cell : panel.cells) {
    Rows& rows = cell.diverged ? crossed : calm;
    rows.push_back(
        {std::clamp(cell.measure, x.low, x.high), std::clamp(cell.loss, y.low, y.high), cell.batch});
  }
  const std::string wrong = std::to_string(misjudged(panel.cells, start)) + " of " +
                            std::to_string(panel.cells.size()) + " on the wrong side";
  return "set title \"{/:Bold " + panel.measure.label + "}     {/=11 " + wrong + "}\" offset 0,-0.6\n" +
         set_range("x", x.low, x.high) + "set xtics " + log_ticks(x.low, x.high) + "\nset arrow 1 from 1," +
         number_text(y.low) + " to 1," + number_text(y.high) + " nohead back " + kThresholdStyle + "\n" +
         datablock("calm" + tag, calm) + datablock("crossed" + tag, crossed) + "plot " + number_text(start) +
         " with lines lw 1.2 dt (2,4) lc rgb '#777777' notitle, $calm" + tag +
         " using 1:2:3 with points pt 7 ps 0.9 lc palette notitle, $crossed" + tag +
         " using 1:2:3 with points pt 2 ps 1 lw 2 lc palette notitle\n";
}

}  // namespace

std::size_t misjudged(const std::vector<JudgedCell>& cells, double start) {
  return static_cast<std::size_t>(std::count_if(cells.begin(), cells.end(), [start](const JudgedCell& cell) {
    const bool unstable = cell.diverged || cell.loss > start;
    return unstable != (cell.measure >= 1);
  }));
}

std::optional<Picture> draw_loss_against_measures(const SweepData& data, const PhaseSummary& phase,
                                                  const BoundarySummary& boundaries,
                                                  const std::string& heading) {
  const std::string column = data.has("expected_loss") ? "expected_loss" : "train_loss";
  if (!data.has(column)) return std::nullopt;
  const double start = start_loss(data, column);
  std::vector<Panel> panels;
  Limits batches;
  std::vector<std::int64_t> batch_sizes;
  std::vector<JudgedCell> all;
  for (const StabilityMeasure& measure : stability_measures(phase)) {
    if (measure.exact == "eta_star_A_plus_N") continue;
    Panel panel{measure, judged_cells(phase, boundaries, measure.quantity, column + "_final")};
    if (panel.cells.empty()) continue;
    all.insert(all.end(), panel.cells.begin(), panel.cells.end());
    panels.push_back(std::move(panel));
  }
  if (panels.empty() || std::isnan(start)) return std::nullopt;
  for (const JudgedCell& cell : all) batches.include(cell.batch);
  for (const std::int64_t batch : data.batches) {
    const auto size = static_cast<double>(batch);
    if (size >= batches.low && size <= batches.high) batch_sizes.push_back(batch);
  }
  batches.widen_to(1.5);
  const Limits y = loss_limits(all, start);
  const std::vector<Limits> x = horizontal_limits(panels);
  const PanelGrid grid{
      panels.size(), panels.size() > 4 || panels.size() == 3 ? 3u : 2u, 0.075, 0.855, 0.13, 0.86, 0.025,
      0.12};

  std::string script =
      viridis_palette(0.9) + "set logscale xy\n" + set_range("y", y.low, y.high) + kFrameStyle +
      "set grid ytics " + kGridColour + "\n" +
      colour_box("batch size  B", batches, batch_ticks(batch_sizes), grid.bottom, grid.top) +
      heading_labels("Loss at the last record against stability measures", heading, 0.47) +
      "set label 4 \"{/=12 ×  diverged     dashed:  the measure is 1     dotted:  loss before the first "
      "step" +
      "     without full batch, where there is no noise}\" at screen 0.47,0.025 center\nset multiplot\n";
  for (std::size_t at = 0; at < panels.size(); ++at) {
    const std::string ticks = log_ticks(y.low, y.high);
    script += grid.margins(at) + "set ytics " + (grid.in_first_column(at) ? ticks : without_labels(ticks)) +
              "\nset ylabel \"" +
              (!grid.in_first_column(at)   ? ""
               : column == "expected_loss" ? "expected loss, last record"
                                           : "train loss, last record") +
              "\" offset 0.5,0\n" + panel_script(panels[at], x[at], y, start, std::to_string(at));
    if (at == 0) script += "unset label\nunset colorbox\n";
  }
  return Picture{"loss_against_measures", 1200, grid.rows() == 1 ? 520 : 850, script + "unset multiplot\n"};
}

}  // namespace edgesweep
