#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/sweep.hpp"
#include "workers/training/schedule.hpp"

namespace edgesweep {

/// What holds from one step of a trial to another: batch size, learning rate and random numbers.
struct Phase {
  std::int64_t first_step = 0;
  std::int64_t batch = 0;        ///< B
  std::uint64_t random_key = 0;  ///< of the order of the data and of what measurements draw
  Schedule schedule;             ///< the learning rate, with the factors of all changes so far
};

/// The phases of a trial of a canonical experiment, by first step, the first one from step 0: one, unless the trial is a
/// fork (the parent's, then its own) or has changes (one more for each). `examples` is D, which epochs of a schedule are of.
/// A change of B leaves the schedule as it was planned for the cell's B.
std::vector<Phase> phases_of(const Json& experiment, const Trial& trial, std::int64_t examples);

/// The one that holds at `step` ≥ 0.
const Phase& phase_at(const std::vector<Phase>& phases, std::int64_t step);

/// Training examples seen before `step`.
std::int64_t samples_before(const std::vector<Phase>& phases, std::int64_t step);

}  // namespace edgesweep
