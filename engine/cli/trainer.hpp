#pragma once

#include <memory>

#include "engine/spec/sweep.hpp"
#include "engine/spec/team.hpp"
#include "engine/spec/trial_runner.hpp"
#include "engine/trainer/messages.hpp"

namespace edgesweep {

/// A runner in this process: sets its compute threads and loads the data. `team` is null for one that trains alone. Throws
/// InputError.
std::unique_ptr<TrialRunner> make_runner_here(const Sweep& sweep, const TrainerSetup& setup, Team* team);

}  // namespace edgesweep
