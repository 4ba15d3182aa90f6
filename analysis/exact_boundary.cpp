#include "analysis/exact_boundary.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace edgesweep {
namespace {

constexpr std::pair<const char*, const char*> kMeasures[] = {{"T", "lambda_max(T)"},
                                                             {"A_plus_N", "lambda_max(A+N)"},
                                                             {"K", "K"},
                                                             {"K_full", "K_full"},
                                                             {"K_hd", "K_hd"},
                                                             {"K_tr", "K_tr"}};

double first_recorded(const SweepData& data, std::int64_t batch, const std::string& column) {
  for (const CellData& cell : data.cells) {
    if (cell.batch != batch) continue;
    for (const TrialData& trial : cell.trials) {
      const auto found = trial.columns.find(column);
      if (found == trial.columns.end()) continue;
      for (const double value : found->second) {
        if (!std::isnan(value)) return value;
      }
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<std::string> exact_boundary_columns(const SweepData& data) {
  std::vector<std::string> columns;
  for (const auto& [measure, text] : kMeasures) {
    const std::string column = std::string("eta_star_") + measure;
    if (data.has(column)) columns.push_back(column);
  }
  return columns;
}

std::vector<double> exact_boundaries(const SweepData& data, std::int64_t batch,
                                     const std::vector<std::string>& columns) {
  std::vector<double> values;
  for (const std::string& column : columns) values.push_back(first_recorded(data, batch, column));
  return values;
}

std::vector<ExactColumn> exact_columns(const BoundarySummary& boundaries) {
  std::vector<ExactColumn> exact;
  std::vector<ExactColumn> over_threshold;
  std::vector<ExactColumn> over_observed;
  const auto ratio = [&boundaries](const std::string& name, const std::string& reference) {
    return [&boundaries, name, reference](const BatchBoundary& row) {
      return boundaries.eta(row, name) / boundaries.eta(row, reference);
    };
  };
  for (const auto& [measure, text] : kMeasures) {
    const std::string name = std::string("eta_star_") + measure;
    if (!boundaries.has_exact(name)) continue;
    const std::string title = std::string("exact learning rate where ") + text + " is 1";
    exact.push_back(
        {name, title, [&boundaries, name](const BatchBoundary& row) { return boundaries.eta(row, name); }});
    if (name != "eta_star_T" && boundaries.has_exact("eta_star_T")) {
      over_threshold.push_back(
          {name + "_over_T", title + ", over that of lambda_max(T)", ratio(name, "eta_star_T")});
    }
    over_observed.push_back({name + "_over_diverges", title + ", over the one where training diverges",
                             ratio(name, "eta_diverges")});
  }
  for (std::vector<ExactColumn>* part : {&over_threshold, &over_observed}) {
    for (ExactColumn& column : *part) exact.push_back(std::move(column));
  }
  return exact;
}

}  // namespace edgesweep
