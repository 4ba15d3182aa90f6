#include "analysis/trajectory_plot.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "analysis/boundary.hpp"
#include "analysis/heading.hpp"
#include "analysis/table_text.hpp"
#include "analysis/trajectory.hpp"
#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

using Rows = std::vector<std::vector<double>>;

/// Least value that a panel shows, as a share of the greatest.
constexpr double kDecades = 1e-12;

/// One panel: what is on its vertical axis, and the critical value.
struct Panel {
  std::string column;
  std::string label;
  double line;      ///< NaN: none
  bool times_rate;  ///< the column is multiplied by the learning rate of its record
};

std::vector<Panel> panels_of(const SweepData& data) {
  const std::string matrix = data.has("hessian_lambda_max") ? "hessian" : "ntk";
  std::vector<Panel> panels{
      {"train_loss", "train loss", std::numeric_limits<double>::quiet_NaN(), false},
      {"K", "K", 1.0, false},
      {matrix + "_lambda_max", "ηλ_{max} (" + std::string(matrix == "ntk" ? "NTK" : "Hessian") + ")",
       eta_lambda_edge(data.momentum), true}};
  std::erase_if(panels, [&](const Panel& panel) { return !data.has(panel.column); });
  return panels;
}

/// The points of a panel: (step + 1, value, η) a row, an empty row between trials.
struct Lines {
  Rows points;
  Rows above;  ///< where a line leaves the panel upwards, at its upper edge
  Rows below;  ///< the same downwards; zeros as well
  Rows ends;   ///< last point of each diverged trial
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
};

double value_at(const TrialData& trial, const Panel& panel, std::size_t record) {
  const double value = trial.columns.at(panel.column)[record];
  return panel.times_rate ? value * trial.columns.at("learning_rate")[record] : value;
}

/// The vertical range: all that trials which did not diverge show, the critical line, and of the others up to
/// ten times more; the blow-up of a diverging trial would flatten everything else. Downwards twelve decades.
void set_range(Lines& lines, const std::vector<const CellData*>& cells, const Panel& panel) {
  double calm = std::isnan(panel.line) ? 0 : panel.line;
  double wild = 0;
  double start = 0;
  for (const CellData* cell : cells) {
    const TrialData& trial = cell->trials.front();
    for (std::size_t record = 0; record < static_cast<std::size_t>(trial.records); ++record) {
      const double value = value_at(trial, panel, record);
      if (!(value > 0) || std::isinf(value)) continue;
      lines.low = std::min(lines.low, value);
      double& greatest = trial.status == TrialStatus::diverged ? wild : calm;
      greatest = std::max(greatest, value);
      if (record == 0) start = std::max(start, value);
    }
  }
  calm = std::max(calm, start);
  lines.high = std::max(calm, std::min(wild, calm * 10)) * 1.3;
  lines.low = std::max(std::min(lines.low, calm), lines.high * kDecades) / 1.3;
}

Lines lines_of(const std::vector<const CellData*>& cells, const Panel& panel) {
  Lines lines;
  set_range(lines, cells, panel);
  for (const CellData* cell : cells) {
    const TrialData& trial = cell->trials.front();
    std::vector<double> last;
    bool inside = true;
    for (std::size_t record = 0; record < static_cast<std::size_t>(trial.records); ++record) {
      const double value = value_at(trial, panel, record);
      if (std::isnan(value)) continue;
      const bool was_inside = std::exchange(inside, value >= lines.low && value <= lines.high);
      last = {trial.columns.at("step")[record] + 1, std::clamp(value, lines.low, lines.high), cell->eta};
      // Where it leaves the panel the line meets the edge and breaks.
      if (inside || was_inside) lines.points.push_back(last);
      if (!inside && was_inside) {
        (value > lines.high ? lines.above : lines.below).push_back(last);
        lines.points.emplace_back();
      }
    }
    if (!last.empty() && trial.status == TrialStatus::diverged && inside) lines.ends.push_back(last);
    lines.points.emplace_back();
  }
  return lines;
}

std::string screen(const std::string& edge, double position) {
  return "set " + edge + " at screen " + number_text(position) + "\n";
}

std::string range_text(const std::string& axis, double low, double high) {
  return "set " + axis + "range [" + number_text(low) + ":" + number_text(high) + "]\n";
}

std::string panel_script(const Panel& panel, const Lines& lines, const std::string& tag) {
  std::string script = range_text("y", lines.low, lines.high) + "set ytics " +
                       log_ticks(lines.low, lines.high) + "\nset ylabel \"" + panel.label + "\"\n" +
                       datablock("lines" + tag, lines.points) + datablock("above" + tag, lines.above) +
                       datablock("below" + tag, lines.below) + datablock("ends" + tag, lines.ends);
  script += "plot ";
  if (!std::isnan(panel.line))
    script += number_text(panel.line) + " with lines lw 1.5 dt (8,5) lc rgb '#e3004f' notitle, ";
  script += "$lines" + tag + " using 1:2:3 with lines lw 2 lc palette notitle";
  if (!lines.ends.empty())
    script += ", $ends" + tag + " using 1:2:3 with points pt 2 ps 1.2 lw 2.5 lc palette notitle";
  if (!lines.above.empty())
    script += ", $above" + tag + " using 1:2:3 with points pt 9 ps 1.3 lc palette notitle";
  if (!lines.below.empty())
    script += ", $below" + tag + " using 1:2:3 with points pt 11 ps 1.3 lc palette notitle";
  return script + "\n";
}

/// True if some value of the panel has a place on a log axis: not so of K at full batch, 0 or infinite.
bool can_draw(const std::vector<const CellData*>& cells, const Panel& panel) {
  for (const CellData* cell : cells) {
    const TrialData& trial = cell->trials.front();
    for (std::size_t record = 0; record < static_cast<std::size_t>(trial.records); ++record) {
      const double value = value_at(trial, panel, record);
      if (value > 0 && std::isfinite(value)) return true;
    }
  }
  return false;
}

/// True if K was measured and is 0: full batch.
bool is_noiseless(const std::vector<const CellData*>& cells) {
  return std::any_of(cells.begin(), cells.end(), [](const CellData* cell) {
    const auto& columns = cell->trials.front().columns;
    const auto noise = columns.find("K");
    return noise != columns.end() && initial_value(noise->second) == 0;
  });
}

/// What the marks mean, in one line. `without_noise`: K was measured and is left out.
std::string legend(const SweepData& data, const std::vector<Panel>& panels, bool without_noise) {
  std::string lines;
  for (const Panel& panel : panels) {
    if (std::isnan(panel.line)) continue;
    lines += lines.empty() ? "     dashed:  " : ",  ";
    lines += panel.times_rate ? "ηλ_{max} = " + number_text(eta_lambda_edge(data.momentum)) : "K = 1";
  }
  return "×  diverged     ▲▼  leaves the panel" + lines +
         (without_noise ? "     no panel of K:  0 at full batch" : "");
}

std::vector<const CellData*> cells_of(const SweepData& data, std::int64_t batch) {
  std::vector<const CellData*> cells;
  for (const CellData& cell : data.cells) {
    if (cell.batch == batch && cell.trials.front().records > 0) cells.push_back(&cell);
  }
  return cells;
}

}  // namespace

std::optional<std::int64_t> default_batch(const SweepData& data) {
  std::map<std::int64_t, int> counts;
  for (const CellData& cell : data.cells) {
    if (cell.trials.front().records > 0) ++counts[cell.batch];
  }
  // The first of the greatest: max_element keeps the earliest, and the map is in order of batch.
  const auto best = std::max_element(counts.begin(), counts.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == counts.end() ? std::nullopt : std::optional(best->first);
}

std::optional<Picture> draw_trajectories(const SweepData& data, std::int64_t batch,
                                         const std::string& heading) {
  if (std::find(data.batches.begin(), data.batches.end(), batch) == data.batches.end()) {
    std::string allowed;
    for (const std::int64_t each : data.batches)
      allowed += (allowed.empty() ? "" : ", ") + std::to_string(each);
    throw InputError("--batch", "found " + std::to_string(batch) + "; the sweep has " + allowed);
  }
  const std::vector<const CellData*> cells = cells_of(data, batch);
  std::vector<Panel> panels = panels_of(data);
  std::erase_if(panels, [&](const Panel& panel) { return !can_draw(cells, panel); });
  if (cells.empty() || panels.empty()) return std::nullopt;

  double eta_low = std::numeric_limits<double>::infinity();
  double eta_high = 0;
  double last_step = 1;
  for (const CellData* cell : cells) {
    eta_low = std::min(eta_low, cell->eta);
    eta_high = std::max(eta_high, cell->eta);
    last_step = std::max(last_step, cell->trials.front().columns.at("step").back() + 1);
  }
  if (eta_low == eta_high) {
    eta_low /= 1.1;
    eta_high *= 1.1;
  }
  const auto count = static_cast<double>(panels.size());
  const double bottom = 0.115;
  const double height = (0.915 - bottom) / count;
  const std::int64_t seed = cells.front()->trials.front().seed;

  std::string script =
      viridis_palette(0.9) + "set logscale xy\nset logscale cb\n" + range_text("x", 1, last_step * 1.1) +
      range_text("cb", eta_low, eta_high) +
      "set tics out nomirror\nset border 3 lw 1.2 lc rgb '#444444'\nset grid ytics lc rgb '#e5e5e5' lw 1\n"
      "set ylabel offset 0.5,0\nset cbtics " +
      log_ticks(eta_low, eta_high) +
      "\nset cblabel \"learning rate  η\" offset 1,0\nset colorbox user origin screen 0.875," +
      number_text(bottom) + " size screen 0.022," + number_text(count * height - 0.02) + "\n" +
      heading_labels(
          "Trajectories at batch size B = " + std::to_string(batch) + ", seed " + std::to_string(seed),
          heading, 0.475) +
      "set label 4 \"{/=12 " + legend(data, panels, is_noiseless(cells)) +
      "}\" at screen 0.475,0.022 center\n" + "set multiplot\n" + screen("lmargin", 0.1) +
      screen("rmargin", 0.85);
  const std::string x_ticks = log_ticks(1, last_step * 1.1);
  for (std::size_t at = 0; at < panels.size(); ++at) {
    const double top = bottom + height * (count - static_cast<double>(at));
    const bool last = at + 1 == panels.size();
    script += screen("tmargin", top - 0.02) + screen("bmargin", top - height);
    script +=
        "set xtics " + (last ? x_ticks + "\nset xlabel \"SGD steps + 1\"" : without_labels(x_ticks)) + "\n";
    script += panel_script(panels[at], lines_of(cells, panels[at]), std::to_string(at));
    if (at == 0) script += "unset label\nunset colorbox\n";
  }
  return Picture{"trajectories_b" + std::to_string(batch), 1000, 850, script + "unset multiplot\n"};
}

}  // namespace edgesweep
