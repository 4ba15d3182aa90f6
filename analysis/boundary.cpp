#include "analysis/boundary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "analysis/exact_boundary.hpp"
#include "analysis/noise_measure.hpp"

namespace edgesweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool can_take_log(double value) {
  return value > 0 && std::isfinite(value);
}

double interpolate(const GridValue& lower, const GridValue& upper, double threshold) {
  if (!can_take_log(lower.value) || !can_take_log(upper.value)) return std::sqrt(lower.eta * upper.eta);
  const double share = std::log(threshold / lower.value) / std::log(upper.value / lower.value);
  return lower.eta * std::pow(upper.eta / lower.eta, share);
}

/// λ_max before the first step, mean over the cells that have one; NaN if none has.
double initial_lambda_max(const PhaseSummary& phase, const std::vector<CellSummary>& cells,
                          const std::string& matrix) {
  double sum = 0;
  int count = 0;
  for (const CellSummary& cell : cells) {
    const double lambda_max = phase.mean(cell, "eta_" + matrix + "_lambda_max_initial") / cell.eta;
    if (!can_take_log(lambda_max)) continue;
    sum += lambda_max;
    ++count;
  }
  return count > 0 ? sum / count : kNan;
}

/// K before the first step is 0 only without noise.
bool has_noise(const PhaseSummary& phase, const std::vector<CellSummary>& cells) {
  return std::none_of(cells.begin(), cells.end(), [&](const CellSummary& cell) {
    return std::ranges::any_of(noise_measures(), [&](const NoiseMeasure& noise) {
      return phase.mean(cell, noise.column + "_initial") == 0;
    });
  });
}

/// A threshold that some quantity of the phase table rises to.
struct Boundary {
  std::string name;
  std::string title;
  std::string quantity;
  double threshold;
};

std::vector<Boundary> threshold_boundaries(double edge) {
  std::vector<Boundary> boundaries{
      {"eta_K1_initial", "learning rate where K before the first step is 1", "K_initial", 1.0},
      {"eta_K1_max", "learning rate where the greatest K of a trial is 1", "K_max", 1.0},
      {"eta_ntk_edge_initial",
       "learning rate where eta lambda_max of the NTK before the first step is at the edge",
       "eta_ntk_lambda_max_initial", edge},
      {"eta_ntk_edge_max",
       "learning rate where the greatest eta lambda_max of the NTK in a trial is at the edge",
       "eta_ntk_lambda_max_max", edge},
      {"eta_hessian_edge_initial",
       "learning rate where eta lambda_max of the Hessian before the first step is at the edge",
       "eta_hessian_lambda_max_initial", edge},
      {"eta_hessian_edge_max",
       "learning rate where the greatest eta lambda_max of the Hessian in a trial is at the edge",
       "eta_hessian_lambda_max_max", edge}};
  for (const std::string kind : {"K_full", "K_block", "K_hd", "K_tr", "K_gn"}) {
    boundaries.push_back({"eta_" + kind + "1_initial",
                          "learning rate where " + kind + " before the first step is 1", kind + "_initial",
                          1.0});
    boundaries.push_back({"eta_" + kind + "1_max",
                          "learning rate where the greatest " + kind + " of a trial is 1", kind + "_max",
                          1.0});
  }
  boundaries.push_back({"eta_T1_initial", "learning rate where lambda_max(T) before the first step is 1",
                        "T_lambda_max_initial", 1.0});
  boundaries.push_back({"eta_A_plus_N1_initial",
                        "learning rate where lambda_max(A+N) before the first step is 1",
                        "A_plus_N_lambda_max_initial", 1.0});
  return boundaries;
}

}  // namespace

Crossing rising_crossing(std::vector<GridValue> points, double threshold) {
  std::erase_if(points, [](const GridValue& point) { return std::isnan(point.value); });
  std::sort(points.begin(), points.end(),
            [](const GridValue& a, const GridValue& b) { return a.eta < b.eta; });
  if (points.empty()) return {kNan, kNan, kNan};
  // The first point below the threshold whose successor is not; a fall before it is no crossing.
  for (std::size_t at = 0; at + 1 < points.size(); ++at) {
    if (points[at].value < threshold && points[at + 1].value >= threshold) {
      return {interpolate(points[at], points[at + 1], threshold), points[at].eta, points[at + 1].eta};
    }
  }
  if (points.back().value < threshold) {
    // Above it first and below it last: no grid lies on one side, and none crosses it upwards.
    const double lower = points.front().value < threshold ? points.back().eta : kNan;
    return {kNan, lower, kNan};
  }
  return {kNan, kNan, points.front().eta};
}

Crossing divergence_crossing(std::vector<CellSummary> cells) {
  std::sort(cells.begin(), cells.end(),
            [](const CellSummary& a, const CellSummary& b) { return a.eta < b.eta; });
  Crossing crossing{kNan, kNan, kNan};
  for (const CellSummary& cell : cells) {
    if (cell.is_diverged()) {
      crossing.upper = cell.eta;
      break;
    }
    if (cell.is_converged()) crossing.lower = cell.eta;
  }
  crossing.eta = std::sqrt(crossing.lower * crossing.upper);
  return crossing;
}

double eta_lambda_edge(double momentum) {
  return 2 * (1 + momentum);
}

std::int64_t BoundarySummary::find(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : found - names.begin();
}

bool BoundarySummary::has_exact(const std::string& name) const {
  return std::find(exact_names.begin(), exact_names.end(), name) != exact_names.end();
}

double BoundarySummary::eta(const BatchBoundary& row, const std::string& name) const {
  if (const std::int64_t at = find(name); at >= 0) return row.crossings[static_cast<std::size_t>(at)].eta;
  const auto exact = std::find(exact_names.begin(), exact_names.end(), name);
  return exact == exact_names.end() ? kNan : row.exact[static_cast<std::size_t>(exact - exact_names.begin())];
}

BoundarySummary summarise_boundaries(const SweepData& data, const PhaseSummary& phase) {
  BoundarySummary summary{eta_lambda_edge(data.momentum),
                          phase.has("eta_hessian_lambda_max_initial") ? "hessian" : "ntk",
                          {},
                          {},
                          exact_boundary_columns(data),
                          {}};
  std::vector<Boundary> measured = threshold_boundaries(summary.edge);
  std::erase_if(measured, [&](const Boundary& boundary) { return !phase.has(boundary.quantity); });
  for (const Boundary& boundary : measured) {
    summary.names.push_back(boundary.name);
    summary.titles.push_back(boundary.title);
  }
  summary.names.emplace_back("eta_diverges");
  summary.titles.emplace_back("learning rate where training diverges");

  std::map<std::int64_t, std::vector<CellSummary>> by_batch;
  for (const CellSummary& cell : phase.cells) by_batch[cell.batch].push_back(cell);
  for (const auto& [batch, cells] : by_batch) {
    BatchBoundary row{batch,
                      has_noise(phase, cells),
                      summary.edge / initial_lambda_max(phase, cells, summary.edge_matrix),
                      {},
                      exact_boundaries(data, batch, summary.exact_names)};
    for (const Boundary& boundary : measured) {
      std::vector<GridValue> points;
      for (const CellSummary& cell : cells) points.push_back({cell.eta, phase.mean(cell, boundary.quantity)});
      row.crossings.push_back(rising_crossing(std::move(points), boundary.threshold));
    }
    row.crossings.push_back(divergence_crossing(cells));
    summary.rows.push_back(std::move(row));
  }
  return summary;
}

Table boundary_table(const SweepData& data, const BoundarySummary& boundaries) {
  Table table{
      "boundary",
      {{"batch", data.batches, "batch size B"}},
      {{"eta_lambda_edge", "1", "eta lambda_max of the deterministic edge of stability, 2(1+momentum)", 1}},
      {}};
  for (std::size_t at = 0; at < boundaries.names.size(); ++at) {
    const std::string& name = boundaries.names[at];
    const std::string& title = boundaries.titles[at];
    table.columns.push_back({name, "1", title, 1});
    table.columns.push_back({name + "_lower", "1", title + ", last grid point below", 1});
    table.columns.push_back({name + "_upper", "1", title + ", first grid point above", 1});
  }
  const std::vector<ExactColumn> exact = exact_columns(boundaries);
  for (const ExactColumn& column : exact) {
    table.columns.push_back({column.name, "1", column.title, 1});
  }
  for (const BatchBoundary& batch : boundaries.rows) {
    std::vector<TableValue> row{batch.batch, boundaries.edge};
    for (const Crossing& crossing : batch.crossings) {
      row.insert(row.end(), {crossing.eta, crossing.lower, crossing.upper});
    }
    for (const ExactColumn& column : exact) row.emplace_back(column.of_batch(batch));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace edgesweep
