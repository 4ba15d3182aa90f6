#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/spec/sweep.hpp"
#include "engine/spec/team.hpp"
#include "engine/spec/trial_runner.hpp"
#include "workers/training/dynamics.hpp"

namespace edgesweep {

/// Runs trials of one sweep in this process, whatever evolves in them.
///
/// A record is taken before the step at which it is due, the last one after the last step. A trial has diverged when a
/// step's loss or a record's train_loss is not finite or exceeds the sweep's `loss_above`, or when the dynamics say so;
/// that record is kept. It is done after its last step, or at the first record whose train_loss is below the sweep's
/// `stop_loss_below`: the last one that is taken. The final parameter file is of where the trial ended, diverged or not.
///
/// The members of a team each run the trial, step by step together, and share the work inside the dynamics. What one is asked
/// to do, to stop or to save, all do; the first alone makes checkpoints and parameter files.
class TrialLoop final : public TrialRunner {
 public:
  /// `team` must outlive the loop.
  TrialLoop(Sweep sweep, std::unique_ptr<DynamicsFactory> factory, Team& team);

  /// Throws std::runtime_error that names the size that did not fit if memory runs out.
  TrialOutcome run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) override;

 private:
  TrialOutcome run_to_end(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks);

  Sweep sweep_;
  std::unique_ptr<DynamicsFactory> factory_;
  Team& team_;
  std::int64_t width_ = 0;               ///< values of a record
  std::int64_t train_loss_column_ = -1;  ///< its place in a record, −1 if not measured
};

}  // namespace edgesweep
