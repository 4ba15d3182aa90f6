#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/error.hpp"

// What the coordinator and its workers tell each other. `trial` is always a trial index of the sweep.
namespace edgesweep {

/// Coordinator to worker, first of all: the sweep's canonical text.
struct SweepText {
  std::string text;
  bool operator==(const SweepText&) const = default;
};

/// Coordinator to worker: train this trial.
struct Assignment {
  std::int64_t trial = 0;
  bool use_checkpoint = true;  ///< false: from the first step, whatever checkpoint there is
  bool failed_before = false;  ///< in this run
  bool operator==(const Assignment&) const = default;
};

/// The worker is set up and waits for a trial.
struct WorkerReady {
  bool operator==(const WorkerReady&) const = default;
};

/// The worker could not be set up: no trial can run there.
struct WorkerUnfit {
  bool bad_input = false;  ///< an InputError: the person can mend it
  std::string subject;
  std::string reason;
  bool operator==(const WorkerUnfit&) const = default;
};

/// Somebody asked the worker's process, not the coordinator's, to stop.
struct StopAsked {
  bool operator==(const StopAsked&) const = default;
};

struct TrialStarted {
  std::int64_t trial = 0;
  bool from_checkpoint = false;
  bool operator==(const TrialStarted&) const = default;
};

struct TrialRecord {
  std::int64_t trial = 0;
  std::int64_t index = 0;
  std::vector<double> values;  ///< as TrialHooks::record gets them
  bool operator==(const TrialRecord&) const = default;
};

/// A checkpoint at `step` is on disk.
struct TrialCheckpointed {
  std::int64_t trial = 0;
  std::int64_t step = 0;
  bool operator==(const TrialCheckpointed&) const = default;
};

struct TrialFinished {
  std::int64_t trial = 0;
  bool diverged = false;
  std::int64_t steps = 0;   ///< over all attempts
  double wall_seconds = 0;  ///< of this attempt
  bool operator==(const TrialFinished&) const = default;
};

/// The trial stopped on request; its checkpoint is on disk.
struct TrialInterrupted {
  std::int64_t trial = 0;
  double wall_seconds = 0;
  bool operator==(const TrialInterrupted&) const = default;
};

struct TrialFailed {
  std::int64_t trial = 0;
  std::string reason;
  double wall_seconds = 0;
  bool operator==(const TrialFailed&) const = default;
};

using WorkerMessage = std::variant<WorkerReady, WorkerUnfit, StopAsked, TrialStarted, TrialRecord, TrialCheckpointed,
                                   TrialFinished, TrialInterrupted, TrialFailed>;

/// Coordinator to worker: checkpoint the trial you run, and give it back.
struct StopTrials {
  bool operator==(const StopTrials&) const = default;
};

/// Coordinator to worker: nothing more to do, end with this code.
struct EndRun {
  ExitCode code = ExitCode::success;
  bool operator==(const EndRun&) const = default;
};

using CoordinatorMessage = std::variant<SweepText, Assignment, StopTrials, EndRun>;

}  // namespace edgesweep
