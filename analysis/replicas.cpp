#include "analysis/replicas.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgesweep {

std::vector<ReplicaColumn> replica_columns(const SweepData& data, const std::string& name) {
  const auto sem = [&](const std::string& ending) {
    const std::string column = name + "_sem" + ending;
    return data.has(column) ? column : std::string();
  };
  if (data.has(name)) return {{name, sem("")}};
  std::vector<ReplicaColumn> columns;
  const auto ending = [&] { return std::string("_").append(std::to_string(columns.size())); };
  while (data.has(name + ending())) columns.push_back({name + ending(), sem(ending())});
  return columns;
}

std::vector<CellRecord> mean_over_trials(const CellData& cell, const ReplicaColumn& column) {
  std::vector<const TrialData*> trials;
  for (const TrialData& trial : cell.trials) {
    if (trial.ended()) trials.push_back(&trial);
  }
  std::vector<CellRecord> records;
  if (trials.empty()) return records;
  std::int64_t shared = trials.front()->records;
  for (const TrialData* trial : trials) shared = std::min(shared, trial->records);
  for (std::size_t at = 0; at < static_cast<std::size_t>(shared); ++at) {
    std::vector<double> means;
    double squares = 0;
    for (const TrialData* trial : trials) {
      means.push_back(trial->columns.at(column.mean)[at]);
      if (!column.sem.empty()) squares += std::pow(trial->columns.at(column.sem)[at], 2);
    }
    if (std::any_of(means.begin(), means.end(), [](double mean) { return std::isnan(mean); })) continue;
    Estimate value = estimate(means);
    if (!column.sem.empty()) value.sem = std::sqrt(squares) / static_cast<double>(means.size());
    records.push_back({trials.front()->columns.at("step")[at], value});
  }
  return records;
}

Estimate at_step(const std::vector<CellRecord>& records, double step) {
  for (const CellRecord& record : records) {
    if (record.step == step) return record.value;
  }
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return {nan, nan};
}

}  // namespace edgesweep
