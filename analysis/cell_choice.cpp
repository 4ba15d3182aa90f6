#include "analysis/cell_choice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

bool has_status(const CellData& cell, TrialStatus status) {
  return std::any_of(cell.trials.begin(), cell.trials.end(),
                     [status](const TrialData& trial) { return trial.status == status; });
}

bool has_ended(const CellData& cell) {
  return has_status(cell, TrialStatus::done) || has_diverged(cell);
}

bool same_eta(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max(a, b);
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

void require_batch(const SweepData& data, std::int64_t batch) {
  if (std::find(data.batches.begin(), data.batches.end(), batch) != data.batches.end()) return;
  std::string allowed;
  for (const std::int64_t each : data.batches)
    allowed += (allowed.empty() ? "" : ", ") + std::to_string(each);
  throw InputError("--batch", "found " + std::to_string(batch) + "; the sweep has " + allowed);
}

std::vector<const CellData*> cells_of_batch(const SweepData& data, std::int64_t batch) {
  std::vector<const CellData*> cells;
  for (const CellData& cell : data.cells) {
    if (cell.batch == batch && cell.trials.front().records > 0) cells.push_back(&cell);
  }
  return cells;
}

bool has_diverged(const CellData& cell) {
  return has_status(cell, TrialStatus::diverged);
}

std::vector<const CellData*> cells_at_shared_eta(const SweepData& data) {
  std::vector<const CellData*> best;
  std::tuple<int, double> best_rank{-1, 0};
  for (const CellData& candidate : data.cells) {
    std::vector<const CellData*> cells;
    int calm = 0;
    for (const CellData& cell : data.cells) {
      if (!same_eta(cell.eta, candidate.eta) || !has_ended(cell)) continue;
      cells.push_back(&cell);
      if (!has_diverged(cell)) ++calm;
    }
    const std::tuple<int, double> rank{calm, candidate.eta};
    if (!cells.empty() && rank > best_rank) {
      best_rank = rank;
      best = std::move(cells);
    }
  }
  return best;
}

}  // namespace edgesweep
