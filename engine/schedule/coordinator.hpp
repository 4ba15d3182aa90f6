#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/schedule/cost_model.hpp"
#include "engine/schedule/ordering.hpp"
#include "engine/schedule/protocol.hpp"
#include "engine/schedule/trial_queue.hpp"
#include "engine/store/events.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store.hpp"

namespace edgesweep {

/// How far a sweep is.
struct Progress {
  std::int64_t trials = 0;
  std::int64_t done = 0;
  std::int64_t diverged = 0;
  std::int64_t failed = 0;
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t records = 0;  ///< received by this coordinator, those sent again included
  double seconds_left = 0;   ///< expected
  double waiting_seconds = 0;  ///< expected work of the trials that wait, on one worker
  bool has_measured_costs = false;  ///< seconds_left rests on trials that finished, not on sizes alone
};

/// What a worker does.
struct WorkerView {
  int worker = 0;
  bool waits = false;                  ///< for a trial; without one and not waiting, it sets itself up
  std::optional<std::int64_t> trial{};  ///< that it runs; the rest is of that
  std::int64_t attempt = 0;            ///< 1, 2, …
  std::int64_t step = 0;               ///< of its newest record or checkpoint
  std::int64_t records = 0;            ///< received in this attempt
  TrialSize size{};
  double seconds_left = 0;             ///< expected, from that step on
};

/// An assignment and the worker to send it to.
struct Dispatch {
  int worker = 0;
  Assignment assignment;
};

/// Decides which worker trains what, and puts what they send into the store and the event log. Knows neither MPI nor a
/// clock: the caller hands in messages and the time. Workers are any distinct numbers.
///
/// A trial whose worker fails it is tried kMaxFailures times, on another worker than last time if there is one, from
/// its checkpoint; the last time from its first step, as the checkpoint may be what is wrong with it.
class Coordinator {
 public:
  static constexpr int kMaxFailures = 3;
  static constexpr double kCommitSeconds = 0.5;  ///< longest time that a record waits for its commit
  static constexpr std::int64_t kCommitRecords = 4096;

  static constexpr double kRetrySeconds = 2;      ///< longest time between two tries to write a store
  static constexpr double kLastTriesSeconds = 5;  ///< for which a store is tried once the run has stopped

  /// `patience`: seconds for which a store that can't be written (a full disk, a file server that is away) is tried again
  /// before the run stops.
  /// All arguments but `costs` must outlive the coordinator. Trials that the store has as pending or failed are queued:
  /// who resumes a sweep with failed trials wants them tried again.
  Coordinator(const Sweep& sweep, Store& store, EventLog& events, CostModel costs, std::set<int> workers,
              double patience = 0);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  /// One message of a worker. Throws SystemError if it speaks of a trial that the worker does not run.
  void on_message(int worker, const WorkerMessage& message);

  /// The worker is lost; the trial it ran has failed. Throws SystemError if it was the last one and trials wait.
  void on_worker_gone(int worker, const std::string& reason);

  /// No new trials from now on; those that run are expected back as interrupted.
  void request_stop();
  bool stopping() const { return stopping_; }

  /// Trials for the workers that wait for one; none while the store can't be written.
  std::vector<Dispatch> dispatch();

  /// Nothing runs, and nothing will; what could be is committed.
  bool finished() const { return running_.empty() && (stopping_ || queue_.empty()) && !failing_since_; }

  /// Commits what is staged, if it is time: a trial ended, many records, or kCommitSeconds since the last commit.
  /// If the store can't be written nothing staged is lost: running trials go on, none is started, and later calls try
  /// again. Once patience is over the run stops; throws SystemError if the store can't be written after that either.
  void tick(double now_seconds);

  /// Commits what is staged. Throws SystemError.
  void commit();

  Progress progress() const;

  /// Of those that are not lost, by number.
  std::vector<WorkerView> workers() const;

  /// Of the states so far: interrupted (trials are left), failed_trials or success.
  ExitCode exit_code() const;

 private:
  struct Run {
    std::int64_t trial = 0;
    std::int64_t records = 0;
    std::int64_t step = 0;
    bool from_checkpoint = false;
  };

  void on(int worker, const WorkerReady& message);
  void on(int worker, const WorkerUnfit& message);
  void on(int worker, const StopAsked& message);
  void on(int worker, const TrialStarted& message);
  void on(int worker, const TrialRecord& message);
  void on(int worker, const TrialCheckpointed& message);
  void on(int worker, const TrialFinished& message);
  void on(int worker, const TrialInterrupted& message);
  void on(int worker, const TrialFailed& message);

  Run& run_of(int worker, std::int64_t trial);
  TrialState& state_of(std::int64_t trial) { return states_[static_cast<std::size_t>(trial)]; }
  void set_status(std::int64_t trial, TrialStatus status);
  /// The trial's checkpoint goes once the store has committed its end.
  void end_trial(std::int64_t trial, TrialStatus status);
  void fail_trial(int worker, const Run& run, const std::string& reason);
  void log_event(const std::string& name, std::int64_t trial, int worker, const Run& run, const std::string& reason);
  void remove_checkpoints();
  bool commit_is_due(double now_seconds) const;
  /// A commit failed: says so, or throws the error on when patience is over.
  void bear(const SystemError& error, double now_seconds);

  const Sweep& sweep_;
  Store& store_;
  EventLog& events_;
  StorePaths paths_;
  CostModel costs_;
  std::vector<TrialSize> sizes_;
  TrialQueue queue_;
  std::set<int> workers_;
  std::set<int> idle_;
  std::map<int, Run> running_;          ///< by worker
  std::vector<TrialState> states_;      ///< by trial, as staged
  std::map<std::int64_t, int> failures_;     ///< of this run, by trial
  std::map<std::int64_t, int> failed_on_;    ///< worker of the last failure, by trial
  std::vector<std::int64_t> checkpoints_to_remove_;
  std::map<TrialStatus, std::int64_t> counts_;
  std::int64_t records_ = 0;
  std::int64_t staged_records_ = 0;
  bool staged_ = false;
  bool urgent_ = false;
  bool stopping_ = false;
  bool journal_lost_ = false;
  double committed_at_ = -std::numeric_limits<double>::infinity();
  double patience_;
  std::optional<double> failing_since_;  ///< when the store could not be written for the first time
  std::optional<double> last_tries_since_;  ///< when it could not while the run was to stop
  double next_try_ = -std::numeric_limits<double>::infinity();
};

}  // namespace edgesweep
