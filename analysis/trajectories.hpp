#pragma once

#include "analysis/sweep_data.hpp"
#include "analysis/table.hpp"

namespace edgesweep {

/// One row a committed record: batch, point, seed, record, eta, eta_over_batch, status of the trial, and
/// every column of the store.
Table trajectories_table(const SweepData& data);

}  // namespace edgesweep
