#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "engine/store/store.hpp"

namespace edgesweep {

/// One trial as a store holds it. Every column has `records` values; NaN means not measured.
struct TrialData {
  std::int64_t seed = 0;
  TrialStatus status = TrialStatus::pending;
  std::int64_t records = 0;
  std::map<std::string, std::vector<double>> columns = {};

  /// True if the trial ran to its end: done or diverged. Only such trials enter means.
  bool ended() const { return status == TrialStatus::done || status == TrialStatus::diverged; }
};

/// One (B, η) point and its trials, in the order of the `seed` axis.
struct CellData {
  std::int64_t batch = 0;
  std::int64_t point = 0;
  double eta = 0;
  std::vector<TrialData> trials = {};
};

/// All that tables and plots need of a store, in plain values.
struct SweepData {
  std::string name = {};
  std::string title = {};
  std::string digest = {};
  double momentum = 0;  ///< μ of the sweep's optimiser
  std::vector<std::int64_t> batches = {};
  std::vector<std::int64_t> seeds = {};
  std::int64_t points = 0;
  std::int64_t max_records = 0;
  std::vector<Column> columns = {};  ///< of width 1: a vector column `x` of the store is x_0, x_1, …
  std::vector<CellData> cells = {};  ///< by batch, then point; absent cells are left out

  bool has(const std::string& column) const;
};

}  // namespace edgesweep
