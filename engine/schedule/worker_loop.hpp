#pragma once

#include <optional>
#include <string>

#include "engine/schedule/protocol.hpp"
#include "engine/schedule/team_link.hpp"
#include "engine/spec/trial_runner.hpp"
#include "engine/store/paths.hpp"

namespace edgesweep {

/// How a worker reaches its coordinator.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Says that the worker is ready and waits for a trial; empty if there is nothing more to do.
  virtual std::optional<Assignment> next() = 0;

  virtual void send(const WorkerMessage& message) = 0;

  /// True once the coordinator wants running trials back. Asked about every 20 ms while a trial runs.
  virtual bool stop_requested() = 0;
};

struct WorkerSettings {
  StorePaths paths;
  double checkpoint_interval = 300;  ///< seconds of training between two checkpoints of a trial
  double patience = 0;  ///< seconds for which a parameter file that can't be written is tried again
};

/// What a checkpoint file must carry to be used: of this trial and of this sweep, down to what is measured and when, as
/// a checkpoint holds the records taken so far.
std::string checkpoint_key(const Sweep& sweep, const Trial& trial);

/// Trains one trial after another until the coordinator has no more. Checkpoints and parameter files are written here;
/// records go to the coordinator. A checkpoint that can't be written is a warning: the one before it is still whole. For a
/// parameter file the trial waits, up to the patience; then it is given back, interrupted, and the run stops. An exception of the runner fails the trial, not the worker, unless
/// it is RunnerUnfit: then this worker gets no more trials. One of the transport leaves this function.
/// A worker of several ranks is a team, and this its leader: what fails on a member fails here.
void run_worker(const Sweep& sweep, TrialRunner& runner, Transport& transport, const WorkerSettings& settings, TeamLink& team);

/// The same for a worker that trains alone.
void run_worker(const Sweep& sweep, TrialRunner& runner, Transport& transport, const WorkerSettings& settings);

/// Trains with the leader of the team until that has no more trials. Records, checkpoints and parameters are the leader's.
void run_member(const Sweep& sweep, TrialRunner& runner, TeamLink& team);

}  // namespace edgesweep
