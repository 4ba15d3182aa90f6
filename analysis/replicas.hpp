#pragma once

#include <string>
#include <vector>

#include "analysis/phase.hpp"
#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// A column that holds a mean over replicas, and the one of its standard error.
struct ReplicaColumn {
  std::string mean;
  std::string sem;  ///< empty if the store has none
};

/// The components of a scalar or vector column: `x` with x_sem, or x_0 with x_sem_0, x_1 with x_sem_1, …
/// Empty if the store has no such column.
std::vector<ReplicaColumn> replica_columns(const SweepData& data, const std::string& name);

/// A record of a cell, over its trials.
struct CellRecord {
  double step;
  Estimate value;
};

/// The mean over the trials of a cell that have ended, along the records which all of them have. Its standard
/// error is √(Σ s²)/n from the trials' own errors s where the store has them, else that over the trials. NaN
/// values of a trial leave the record out.
std::vector<CellRecord> mean_over_trials(const CellData& cell, const ReplicaColumn& column);

/// Its value at the record of this step; NaN if there is none.
Estimate at_step(const std::vector<CellRecord>& records, double step);

}  // namespace edgesweep
