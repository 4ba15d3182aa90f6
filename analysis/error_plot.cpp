#include "analysis/error_plot.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/heading.hpp"
#include "analysis/noise_measure.hpp"
#include "analysis/plot_style.hpp"
#include "analysis/trajectory.hpp"

namespace edgesweep {
namespace {

struct Line {
  std::int64_t batch;
  Rows rows;  ///< K, error, error ∓ its standard error
};

bool is_diverged(const CellData& cell) {
  const auto with = [&](TrialStatus status) {
    return std::count_if(cell.trials.begin(), cell.trials.end(),
                         [status](const TrialData& trial) { return trial.status == status; });
  };
  const auto diverged = with(TrialStatus::diverged);
  return diverged > 0 && diverged >= with(TrialStatus::done);
}

}  // namespace

std::vector<ErrorPoint> errors_of_batch(const SweepData& data, const std::string& column, std::int64_t batch) {
  std::vector<const CellData*> cells;
  for (const CellData& cell : data.cells) {
    if (cell.batch == batch && !is_diverged(cell)) cells.push_back(&cell);
  }
  std::stable_sort(cells.begin(), cells.end(), [](const CellData* a, const CellData* b) { return a->eta < b->eta; });
  std::vector<ErrorPoint> points;
  for (const CellData* cell : cells) {
    std::vector<double> medians, errors;
    for (const TrialData& trial : cell->trials) {
      if (trial.status != TrialStatus::done) continue;
      medians.push_back(second_half_median(trial.columns.at("step"), trial.columns.at(column)));
      errors.push_back(final_value(trial.columns.at("test_error")));
    }
    const ErrorPoint point{estimate(medians), estimate(errors)};
    if (point.K.mean > 0 && std::isfinite(point.K.mean) && std::isfinite(point.error.mean)) points.push_back(point);
  }
  return points;
}

std::optional<Picture> draw_error_against_K(const SweepData& data, const std::string& heading) {
  const std::optional<NoiseMeasure> noise = noise_measure(data);
  if (!noise || !data.has("test_error")) return std::nullopt;
  std::vector<Line> lines;
  Limits x;
  double highest = 0;
  x.include(1);
  for (const std::int64_t batch : data.batches) {
    Line line{batch, {}};
    for (const ErrorPoint& point : errors_of_batch(data, noise->column, batch)) {
      const double sem = std::isnan(point.error.sem) ? 0 : point.error.sem;
      line.rows.push_back({point.K.mean, point.error.mean, point.error.mean - sem, point.error.mean + sem});
      x.include(point.K.mean);
      highest = std::max(highest, point.error.mean + sem);
    }
    if (!line.rows.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) return std::nullopt;
  x = {x.low / 1.3, x.high * 1.3};
  std::vector<double> batches;
  for (const Line& line : lines) batches.push_back(static_cast<double>(line.batch));
  const std::vector<std::string> colours = viridis_colours(batches);
  const PanelGrid grid{1, 1, 0.095, 0.835, 0.15, 0.85, 0, 0};
  const double top = highest > 0 ? 1.05 * highest : 1;

  std::string script = "set logscale x\n" + set_range("x", x.low, x.high) + "set xtics " + log_ticks(x.low, x.high) + "\n" +
                       set_range("y", 0, top) + kFrameStyle + "set grid ytics " + kGridColour + "\nset xlabel \"median of " +
                       noise->label + " in the second half of the steps\"\nset ylabel \"test error at the last record\" offset 0.5,0\n" +
                       heading_labels("Test error against " + noise->label + ", by batch size", heading, 0.47) +
                       "set label 4 \"{/=12 ●  mean over seeds ± standard error, joined by increasing η     dashed:  " + noise->label +
                       " = 1     without diverged cells, and full batch}\" at screen 0.47,0.03 center\nset arrow 1 from 1,0 to 1," +
                       short_number(top, 12) + " nohead back " + kThresholdStyle + "\nset multiplot\n" + grid.margins(0);
  std::string plot;
  std::vector<LegendEntry> legend;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const std::string block = "$b" + std::to_string(at), colour = " lc rgb '" + colours[at] + "'";
    script += datablock(block.substr(1), lines[at].rows);
    plot += (plot.empty() ? "plot " : ", \\\n  ") + block + " using 1:2 with lines lw 1.8" + colour + " notitle, " + block +
            " using 1:2:3:4 with yerrorbars pt 7 ps 0.9 lw 1.5" + colour + " notitle";
    legend.push_back({"with linespoints pt 7 ps 0.9 lw 2" + colour, "B = " + std::to_string(lines[at].batch)});
  }
  script += plot + "\nunset label\nunset arrow\n" + legend_panel(legend, 0.855, grid.top);
  return Picture{"error_against_K", 1000, 620, script + "unset multiplot\n"};
}

}  // namespace edgesweep
