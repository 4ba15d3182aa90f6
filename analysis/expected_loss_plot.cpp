#include "analysis/expected_loss_plot.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/cell_choice.hpp"
#include "analysis/clipped_lines.hpp"
#include "analysis/heading.hpp"
#include "analysis/replicas.hpp"
#include "analysis/table_text.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t kLines = 8;
/// Points of simulated loss along the axis, so that error bars stay apart.
constexpr double kPoints = 20;

std::vector<const CellData*> evenly_spaced(const std::vector<const CellData*>& all, std::size_t count) {
  if (all.size() <= count) return all;
  std::vector<const CellData*> some;
  for (std::size_t at = 0; at < count; ++at) some.push_back(all[at * (all.size() - 1) / (count - 1)]);
  return some;
}

/// "η = 0.012,  K_full = 0.36": with the first of three measures that the sweep has. λ_max(T) comes last,
/// since it says little below the threshold.
std::string line_title(const PhaseSummary& phase, const CellData& cell) {
  std::string title = "η = " + short_number(cell.eta);
  for (const CellSummary& summary : phase.cells) {
    if (summary.batch != cell.batch || summary.point != cell.point) continue;
    for (const auto& [quantity, label] :
         {std::pair{"K_full_initial", ",  K_{full} = "}, std::pair{"K_initial", ",  K = "},
          std::pair{"T_lambda_max_initial", ",  λ_{max}(T) = "}}) {
      const double value = phase.mean(summary, quantity);
      if (std::isnan(value)) continue;
      return title + label + (std::isinf(value) ? "∞" : short_number(value));
    }
  }
  return title;
}

/// (step + 1, mean, mean − error, mean + error, η) of records inside the panel, 1/kPoints of the axis apart
/// at least; bars end at its edges.
Rows simulated_points(const CellData& cell, const ReplicaColumn& column, const ClippedLines& lines,
                      double last_step) {
  const std::vector<CellRecord> records = mean_over_trials(cell, column);
  const double apart = std::pow(last_step, 1 / kPoints);
  double next = 0;
  Rows rows;
  for (const CellRecord& record : records) {
    const auto& [mean, sem] = record.value;
    const double x = record.step + 1;
    if (x < next || !(mean >= lines.low && mean <= lines.high)) continue;
    const double error = std::isnan(sem) ? 0 : sem;
    rows.push_back(
        {x, mean, std::max(mean - error, lines.low), std::min(mean + error, lines.high), cell.eta});
    next = x * apart;
  }
  return rows;
}

}  // namespace

std::optional<Picture> draw_expected_loss(const SweepData& data, const PhaseSummary& phase,
                                          std::int64_t batch, const std::string& heading) {
  require_batch(data, batch);
  std::vector<const CellData*> all = cells_of_batch(data, batch);
  std::erase_if(all, [](const CellData* cell) {
    return mean_over_trials(*cell, {"expected_loss", ""}).empty();
  });
  const std::vector<const CellData*> cells = evenly_spaced(all, kLines);
  std::vector<Curve> curves;
  Limits etas;
  double last_step = 1;
  for (const CellData* cell : cells) {
    Curve curve{{}, {}, cell->eta, has_diverged(*cell)};
    for (const CellRecord& record : mean_over_trials(*cell, {"expected_loss", ""})) {
      curve.x.push_back(record.step + 1);
      curve.y.push_back(record.value.mean);
      last_step = std::max(last_step, record.step + 1);
    }
    curves.push_back(std::move(curve));
    etas.include(cell->eta);
  }
  const ClippedLines lines = clip_curves(curves, std::numeric_limits<double>::quiet_NaN());
  if (lines.empty()) return std::nullopt;
  etas.widen_to(1.21);

  Rows simulated;
  const std::vector<ReplicaColumn> losses = replica_columns(data, "train_loss");
  for (const CellData* cell : cells) {
    if (losses.empty()) break;
    for (std::vector<double>& row : simulated_points(*cell, losses.front(), lines, last_step)) {
      simulated.push_back(std::move(row));
    }
  }
  std::string script =
      viridis_palette(0.9) + "unset colorbox\nset logscale xycb\n" + set_range("x", 1, last_step * 1.1) +
      set_range("y", lines.low, lines.high) + set_range("cb", etas.low, etas.high) + "set xtics " +
      log_ticks(1, last_step * 1.1) + "\nset ytics " + log_ticks(lines.low, lines.high) + "\n" + kFrameStyle +
      "set grid ytics " + kGridColour +
      "\nset xlabel \"SGD steps + 1\" offset 0,-0.2\nset ylabel \"train loss  E‖z‖^2 / 2D\" offset -0.5,0\n" +
      set_margin("lmargin", 0.09) + set_margin("rmargin", 0.67) + set_margin("bmargin", 0.17) +
      set_margin("tmargin", 0.885) +
      heading_labels(
          "Exact and simulated loss of the linear model at batch size B = " + std::to_string(batch), heading,
          0.47) +
      "set key at screen 0.685,0.885 left top vertical Left reverse samplen 2 spacing 1.35 font ',12'\n"
      "set label 4 \"{/=12 lines:  exact expected loss     ○  mean of simulated SGD ± standard error     "
      "×  diverged     ▲  leaves the panel}\" at screen 0.47,0.03 center\n" +
      line_blocks(lines, "") + datablock("simulated", simulated) + "plot " + line_layers(lines, "");
  if (!simulated.empty()) {
    script += ", \\\n  $simulated using 1:2:3:4:5 with yerrorbars pt 6 ps 0.8 lw 1.3 lc palette notitle";
  }
  for (const CellData* cell : cells) {
    script += ", \\\n  NaN with lines lw 3 lc palette cb " + number_text(cell->eta) + " title \"" +
              line_title(phase, *cell) + "\"";
  }
  return Picture{"linear_trajectories_b" + std::to_string(batch), 1000, 650, script + "\n"};
}

}  // namespace edgesweep
