#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/schedule/cost_model.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// What the schedule knows of a trial without making it: the trials of a cell cost the same.
struct TrialSize {
  std::int64_t batch = 0;
  std::int64_t steps = 0;
  std::int64_t records = 0;
};

/// Size of every trial of the sweep, by trial index (cell-major, then seed).
std::vector<TrialSize> trial_sizes(const Sweep& sweep);

/// Predicted seconds of every trial, by trial index.
std::vector<double> trial_seconds(std::span<const TrialSize> sizes, const CostModel& costs);

/// Indices of `seconds`, longest first; equal ones by index.
std::vector<std::int64_t> longest_first(std::span<const double> seconds);

struct Makespan {
  double seconds = 0;       ///< from the first start to the last end
  double work_seconds = 0;  ///< sum over all trials
  double efficiency = 1;    ///< work / (workers × makespan); 1 if there is no work
};

/// List scheduling: each trial, longest first, goes to the worker that is free first. Never longer than 4/3 − 1/(3 W)
/// times the shortest possible makespan (Graham 1969). `workers` ≥ 1.
Makespan list_schedule(std::span<const double> seconds, int workers);

}  // namespace edgesweep
