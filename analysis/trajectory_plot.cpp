#include "analysis/trajectory_plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "analysis/boundary.hpp"
#include "analysis/cell_choice.hpp"
#include "analysis/clipped_lines.hpp"
#include "analysis/heading.hpp"
#include "analysis/noise_measure.hpp"
#include "analysis/table_text.hpp"
#include "analysis/trajectory.hpp"

namespace edgesweep {
namespace {

/// One panel: what is on its vertical axis, and the critical value.
struct Panel {
  std::string column;
  std::string label;
  double line;      ///< NaN: none
  bool times_rate;  ///< the column is multiplied by the learning rate of its record
};

std::vector<Panel> panels_of(const SweepData& data) {
  const std::string matrix = data.has("hessian_lambda_max") ? "hessian" : "ntk";
  const double edge = eta_lambda_edge(data.momentum);
  std::vector<Panel> panels{
      {"train_loss", "train loss", std::numeric_limits<double>::quiet_NaN(), false},
      {matrix + "_lambda_max", "ηλ_{max} (" + std::string(matrix == "ntk" ? "NTK" : "Hessian") + ")", edge, true},
      {"batch_sharpness", "η × batch sharpness", edge, true},
      {"minibatch_sharpness", "η × mini-batch λ_{max}", edge, true}};
  if (const auto noise = noise_measure(data)) panels.insert(panels.begin() + 1, {noise->column, noise->label, 1.0, false});
  std::erase_if(panels, [&](const Panel& panel) { return !data.has(panel.column); });
  return panels;
}

std::vector<Curve> curves_of(const std::vector<const CellData*>& cells, const Panel& panel) {
  std::vector<Curve> curves;
  for (const CellData* cell : cells) {
    const TrialData& trial = cell->trials.front();
    Curve curve{{}, trial.columns.at(panel.column), cell->eta, trial.status == TrialStatus::diverged};
    for (std::size_t record = 0; record < curve.y.size(); ++record) {
      curve.x.push_back(trial.columns.at("step")[record] + 1);
      if (panel.times_rate) curve.y[record] *= trial.columns.at("learning_rate")[record];
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::string panel_script(const Panel& panel, const ClippedLines& lines, const std::string& tag) {
  std::string script = set_range("y", lines.low, lines.high) + "set ytics " +
                       log_ticks(lines.low, lines.high) + "\nset ylabel \"" + panel.label + "\"\n" +
                       line_blocks(lines, tag) + "plot ";
  if (!std::isnan(panel.line))
    script += number_text(panel.line) + " with lines " + kThresholdStyle + " notitle, ";
  return script + line_layers(lines, tag) + "\n";
}

/// True if the noise was measured and is 0: full batch.
bool is_noiseless(const SweepData& data, const std::vector<const CellData*>& cells) {
  const auto noise = noise_measure(data);
  return noise && std::any_of(cells.begin(), cells.end(), [&](const CellData* cell) {
           return initial_value(cell->trials.front().columns.at(noise->column)) == 0;
         });
}

/// What the marks mean, in one line. `without_noise`: K was measured and is left out.
std::string legend(const SweepData& data, const std::vector<Panel>& panels, bool without_noise) {
  std::string lines;
  for (const Panel& panel : panels) {
    if (std::isnan(panel.line) || panel.column.ends_with("sharpness")) continue;  // the same line as ηλ_max
    lines += lines.empty() ? "     dashed:  " : ",  ";
    lines += panel.times_rate ? "ηλ_{max} = " + number_text(eta_lambda_edge(data.momentum)) : panel.label + " = 1";
  }
  return "×  diverged     ▲▼  leaves the panel" + lines +
         (without_noise ? "     no panel of K:  0 at full batch" : "");
}

}  // namespace

std::optional<Picture> draw_trajectories(const SweepData& data, std::int64_t batch,
                                         const std::string& heading) {
  require_batch(data, batch);
  const std::vector<const CellData*> cells = cells_of_batch(data, batch);
  std::vector<Panel> panels;
  std::vector<ClippedLines> lines;
  for (const Panel& panel : panels_of(data)) {
    ClippedLines clipped = clip_curves(curves_of(cells, panel), panel.line);
    if (clipped.empty()) continue;
    panels.push_back(panel);
    lines.push_back(std::move(clipped));
  }
  if (panels.empty()) return std::nullopt;

  Limits etas;
  double last_step = 1;
  for (const CellData* cell : cells) {
    etas.include(cell->eta);
    last_step = std::max(last_step, cell->trials.front().columns.at("step").back() + 1);
  }
  etas.widen_to(1.21);
  const PanelGrid grid{panels.size(), 1, 0.1, 0.85, 0.115, 0.895, 0, 0.02};
  const std::int64_t seed = cells.front()->trials.front().seed;

  std::string script =
      viridis_palette(0.9) + "set logscale xy\n" + set_range("x", 1, last_step * 1.1) + kFrameStyle +
      "set grid ytics " + kGridColour + "\nset ylabel offset 0.5,0\n" +
      colour_box("learning rate  η", etas, log_ticks(etas.low, etas.high), grid.bottom, grid.top) +
      heading_labels(
          "Trajectories at batch size B = " + std::to_string(batch) + ", seed " + std::to_string(seed),
          heading, 0.475) +
      "set label 4 \"{/=12 " + legend(data, panels, is_noiseless(data, cells)) +
      "}\" at screen 0.475,0.022 center\nset multiplot\n";
  const std::string x_ticks = log_ticks(1, last_step * 1.1);
  for (std::size_t at = 0; at < panels.size(); ++at) {
    script += grid.margins(at) + "set xtics " +
              (grid.in_last_row(at) ? x_ticks + "\nset xlabel \"SGD steps + 1\"" : without_labels(x_ticks)) +
              "\n";
    script += panel_script(panels[at], lines[at], std::to_string(at));
    if (at == 0) script += "unset label\nunset colorbox\n";
  }
  return Picture{"trajectories_b" + std::to_string(batch), 1000, 850, script + "unset multiplot\n"};
}

}  // namespace edgesweep
