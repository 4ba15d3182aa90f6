#include "analysis/eigenvalue_plot.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/boundary.hpp"
#include "analysis/cell_choice.hpp"
#include "analysis/heading.hpp"
#include "analysis/plot_style.hpp"
#include "analysis/replicas.hpp"
#include "analysis/table_text.hpp"
#include "analysis/trajectory.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t kModes = 4;

/// (step + 1, mean, mean − error, mean + error) a record.
Rows band(const std::vector<CellRecord>& records) {
  Rows rows;
  for (const CellRecord& record : records) {
    const double error = std::isnan(record.value.sem) ? 0 : record.value.sem;
    rows.push_back(
        {record.step + 1, record.value.mean, record.value.mean - error, record.value.mean + error});
  }
  return rows;
}

/// K is 0 before the first step: no noise.
bool is_full_batch(const CellData& cell) {
  const auto found = cell.trials.front().columns.find("K");
  return found != cell.trials.front().columns.end() && initial_value(found->second) == 0;
}

std::string batch_title(const CellData& cell) {
  return "B = " + std::to_string(cell.batch) + (is_full_batch(cell) ? " (all)" : "");
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(const Rows& band) {
    for (const auto& row : band) {
      low = std::min(low, row[2]);
      high = std::max(high, row[3]);
    }
  }
  bool empty() const { return low > high; }
  double span() const { return high - low; }
};

struct Panel {
  std::vector<Rows> bands;  ///< one a cell
  Range range;
};

/// The range holds the cells without a diverged trial, and of the others as much again on both sides: their
/// blow-up would flatten all else.
Panel panel_of(const std::vector<const CellData*>& cells, const ReplicaColumn& column) {
  Panel panel;
  Range all;
  for (const CellData* cell : cells) {
    panel.bands.push_back(band(mean_over_trials(*cell, column)));
    all.include(panel.bands.back());
    if (!has_diverged(*cell)) panel.range.include(panel.bands.back());
  }
  Range& range = panel.range;
  if (range.empty()) range = all;
  const double room = range.span();
  range.low = std::max(all.low, range.low - room);
  range.high = std::min(all.high, range.high + room);
  const double margin = std::max(0.05 * range.span(), 1e-3 * std::abs(range.high));
  range.low -= margin;
  range.high += margin;
  return panel;
}

std::string panel_script(const Panel& panel, const std::vector<std::string>& colours, double edge,
                         const std::string& tag) {
  std::string script = set_range("y", panel.range.low, panel.range.high);
  std::string plot;
  for (std::size_t at = 0; at < panel.bands.size(); ++at) {
    const std::string block = "$b" + tag + "c" + std::to_string(at);
    script += datablock(block.substr(1), panel.bands[at]);
    plot += (plot.empty() ? "plot " : ", \\\n  ") + block +
            " using 1:3:4 with filledcurves fs transparent solid 0.25 noborder lc rgb '" + colours[at] +
            "' notitle, " + block + " using 1:2 with lines lw 2.2 lc rgb '" + colours[at] + "' notitle";
  }
  if (edge > panel.range.low && edge < panel.range.high) {
    plot += ", " + number_text(edge) + " with lines " + kThresholdStyle + " notitle";
  }
  return script + plot + "\n";
}

}  // namespace

std::optional<Picture> draw_eigenvalue_trajectories(const SweepData& data, const std::string& heading) {
  std::vector<ReplicaColumn> columns = replica_columns(data, "ntk_eigenvalues");
  columns.resize(std::min(columns.size(), kModes));
  std::vector<const CellData*> cells = cells_at_shared_eta(data);
  std::erase_if(cells, [&](const CellData* cell) {
    return columns.empty() || mean_over_trials(*cell, columns.front()).empty();
  });
  if (cells.empty()) return std::nullopt;
  std::vector<double> batches;
  double last_step = 1;
  for (const CellData* cell : cells) {
    batches.push_back(static_cast<double>(cell->batch));
    last_step = std::max(last_step, mean_over_trials(*cell, columns.front()).back().step + 1);
  }
  const std::vector<std::string> colours = viridis_colours(batches);
  const double eta = cells.front()->eta;
  const double edge = eta_lambda_edge(data.momentum);
  const PanelGrid grid{columns.size(), columns.size() > 1 ? 2u : 1u, 0.085, 0.835, 0.125, 0.865, 0.105,
                       0.085};

  std::string script =
      "set logscale x\nset clip two\n" + set_range("x", 1, last_step * 1.02) + kFrameStyle +
      "set grid ytics " + kGridColour + "\n" +
      heading_labels("Largest NTK eigenvalues in training at η = " + short_number(eta) + ", by batch size",
                     heading, 0.47) +
      "set label 4 \"{/=12 bands:  ± standard error of the mean over replicas and seeds     dashed, where in "
      "range:  λ = " +
      short_number(edge) + " / η}\" at screen 0.47,0.022 center\nset multiplot\n";
  const std::string ticks = log_ticks(1, last_step * 1.02);
  for (std::size_t at = 0; at < columns.size(); ++at) {
    script += grid.margins(at) + "set xtics " +
              (grid.in_last_row(at) ? ticks + "\nset xlabel \"SGD steps + 1\"" : without_labels(ticks)) +
              "\nset ylabel \"λ_{" + std::to_string(at + 1) + "} of the NTK\" offset 0.8,0\n" +
              panel_script(panel_of(cells, columns[at]), colours, edge / eta, std::to_string(at));
    if (at == 0) script += "unset label\n";
  }
  std::vector<LegendEntry> legend;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    legend.push_back({"with lines lw 3 lc rgb '" + colours[at] + "'", batch_title(*cells[at])});
  }
  script += legend_panel(legend, 0.855, grid.top);
  return Picture{"eigenvalue_trajectories", 1000, columns.size() > 2 ? 800 : 560,
                 script + "unset multiplot\n"};
}

}  // namespace edgesweep
