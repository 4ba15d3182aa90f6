#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/spec/team.hpp"
#include "engine/spec/trial_runner.hpp"
#include "engine/trainer/messages.hpp"
#include "engine/trainer/shared_buffer.hpp"
#include "engine/trainer/shared_trainer.hpp"

namespace edgesweep {

/// When a trainer counts as hung and is killed: seconds, while this process itself was running; 0: never.
struct TrainerTimeouts {
  double heartbeat = 0;  ///< without a sign of its heartbeat thread: it is stopped, or the machine swaps itself to death
  double progress = 0;   ///< of a trial without a step or a record; a record may take long
};

/// Trains in a child process, so that whatever ends it (a segmentation fault, the out-of-memory killer, a broken GPU)
/// fails one trial and not this process. A new one is started for the trial after a failed one: a process in which
/// something went wrong is not trusted again.
///
/// Runners of several threads may train in one process. What ends it fails all their trials; a trial that has failed before
/// trains in a process of its own, so that nobody can be made to fail twice by another.
///
/// Checkpoints are asked for when TrialHooks::checkpoint_due says so, at most about every 40 ms. The child trains on
/// while this process writes them.
class ProcessRunner final : public TrialRunner {
 public:
  /// Starts a trainer and waits until it is set up. Throws InputError as the trainer's set-up did, and std::runtime_error
  /// if it could not be set up for another reason.
  /// With a `team` of several members, which must outlive the runner, the trainer is one of it; this process makes its calls.
  ProcessRunner(TrainerSetup setup, TrainerTimeouts timeouts, TrainerCommand command = {}, Team* team = nullptr);

  /// The same in one place of a trainer that others use, too.
  ProcessRunner(TrainerSetup setup, TrainerTimeouts timeouts, std::shared_ptr<SharedTrainer> trainers, int place);

  /// A trainer that dies, or hangs, ends the trial with std::runtime_error that says how. Throws RunnerUnfit if a new
  /// trainer reports that it can't be set up.
  TrialOutcome run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) override;

 private:
  struct Later {};
  /// Starts when there is a trial.
  ProcessRunner(Later, TrainerSetup setup, TrainerTimeouts timeouts, std::shared_ptr<SharedTrainer> trainers, int place);

  /// Starts before the first trial. Throws as the public constructors do.
  void start_first();
  /// Takes a place in the trainer, which may have to start, and waits for it; its complaint if it has one. Without hooks there is no trial yet.
  std::optional<TrainerUnfit> start(TrialHooks* hooks);
  void restart(TrialHooks& hooks);
  TrialOutcome supervise(TrialHooks& hooks);
  /// The next report, if one comes within about kWaitSeconds. Throws std::runtime_error if the trainer is gone or hangs.
  std::optional<TrainerReport> next_report();
  void call_team(const TeamCall& call, TrialHooks& hooks);
  void send(const TrainerOrder& order, TrialHooks* hooks);
  /// Whatever happened there, another trainer is to be used.
  void drop();

  TrainerSetup setup_;
  TrainerTimeouts timeouts_;
  Team* team_ = nullptr;                ///< null for a trainer that trains alone
  std::optional<SharedBuffer> buffer_;  ///< with a team
  std::shared_ptr<SharedTrainer> trainers_;
  int place_ = 0;
  std::shared_ptr<ChildProcess> trainer_;  ///< in which this runner is set up
  double silence_ = 0;        ///< seconds since its last report
  double idleness_ = 0;       ///< seconds since its last progress
  std::int64_t progress_ = 0;  ///< as it reported last
};

}  // namespace edgesweep
