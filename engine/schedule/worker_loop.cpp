#include "engine/schedule/worker_loop.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "engine/base/clock.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/base/signals.hpp"
#include "engine/spec/runner_unfit.hpp"
#include "engine/store/checkpoint_file.hpp"

namespace edgesweep {
namespace {

/// How often a running trial looks for a stop: often enough for a person, too seldom to slow 30,000 steps/s.
constexpr double kPollSeconds = 0.02;

/// Longest time between two tries to write a file.
constexpr double kRetrySeconds = 2;

/// A trial that waits for the disk goes back to the coordinator, which stops the run: the disk is no fault of the trial, nor
/// would another fare better.
struct GivenBack {};

/// A broken connection to the coordinator is no fault of the trial: it passes through the runner inside this.
struct TransportFailure {
  std::exception_ptr cause;
};

class WorkerHooks final : public TrialHooks {
 public:
  WorkerHooks(const Trial& trial, std::string key, bool failed_before, Transport& transport, const WorkerSettings& settings)
      : trial_(trial), key_(std::move(key)), failed_before_(failed_before), transport_(transport), settings_(settings),
        started_(monotonic_seconds()), now_(started_), polled_(started_), checkpointed_(started_) {}

  void record(std::int64_t index, std::span<const double> values) override {
    send(TrialRecord{trial_.index, index, {values.begin(), values.end()}});
  }

  bool checkpoint_due() override { return now_ - checkpointed_ >= settings_.checkpoint_interval; }

  void checkpoint(const Bytes& state, std::int64_t step) override {
    try {
      make_directory(settings_.paths.checkpoint_directory());
      write_checkpoint(settings_.paths.checkpoint(trial_), key_, state);
    } catch (const SystemError& error) {
      log_warning("no checkpoint: " + one_line(error.what()));
      checkpointed_ = now_ = monotonic_seconds();
      return;
    }
    checkpointed_ = now_ = monotonic_seconds();
    send(TrialCheckpointed{trial_.index, step});
  }

  bool stop_requested() override {
    now_ = monotonic_seconds();
    if (stop_signal() != 0) {
      return true;
    }
    if (now_ - polled_ >= kPollSeconds) {
      polled_ = now_;
      stop_ = stop_ || guarded([&] { return transport_.stop_requested(); });
    }
    return stop_;
  }

  bool failed_before() override { return failed_before_; }

  void keep_parameters(const Bytes& content, std::optional<std::int64_t> record) override {
    const double began = monotonic_seconds();
    while (true) {
      try {
        make_directory(settings_.paths.parameter_directory());
        write_file_atomically(settings_.paths.parameters(trial_, record), content);
        return;
      } catch (const SystemError& error) {
        if (monotonic_seconds() - began >= settings_.patience) {
          log_warning("parameters still can't be kept, the run stops: " + one_line(error.what()));
          throw GivenBack();
        }
        log_warning("parameters can't be kept, trying again: " + one_line(error.what()));
      }
      pause(std::min(kRetrySeconds, 0.1 + monotonic_seconds() - began));
    }
  }

  void send(const WorkerMessage& message) {
    guarded([&] { transport_.send(message); });
  }

  const std::string& key() const { return key_; }

  double wall_seconds() const { return monotonic_seconds() - started_; }

 private:
  /// Between two tries. Throws GivenBack if the run is to stop.
  void pause(double seconds) {
    for (const double began = monotonic_seconds(); monotonic_seconds() - began < seconds;) {
      std::this_thread::sleep_for(std::chrono::duration<double>(kPollSeconds));
      if (stop_requested()) {
        throw GivenBack();
      }
    }
  }

  template <typename Call>
  auto guarded(Call call) -> decltype(call()) {
    try {
      return call();
    } catch (...) {
      throw TransportFailure{std::current_exception()};
    }
  }

  const Trial& trial_;
  std::string key_;
  bool failed_before_;
  Transport& transport_;
  const WorkerSettings& settings_;
  double started_;
  double now_;
  double polled_;
  double checkpointed_;
  bool stop_ = false;
};

/// Hooks of a member that does not lead: all that a trial tells, the leader's trial tells too.
class MemberHooks final : public TrialHooks {
 public:
  void record(std::int64_t, std::span<const double>) override {}
  bool checkpoint_due() override { return false; }
  void checkpoint(const Bytes&, std::int64_t) override {}
  bool stop_requested() override { return stop_signal() != 0; }
  void keep_parameters(const Bytes&, std::optional<std::int64_t>) override {}
};

/// How a trial ended on one rank.
struct Ending {
  std::optional<TrialOutcome> outcome = {};
  std::optional<MemberFailure> failure = {};
  bool given_back = false;
};

/// Calls `train`, which gives an outcome. Failures of the transport pass.
template <typename Train>
Ending ending_of(Train train) {
  try {
    return {.outcome = train()};
  } catch (const GivenBack&) {
    return {.failure = MemberFailure{false, "", "gives the trial back"}, .given_back = true};
  } catch (const RunnerUnfit& error) {
    return {.failure = MemberFailure{true, error.subject(), error.reason()}};
  } catch (const std::exception& error) {
    return {.failure = MemberFailure{false, "", one_line(error.what())}};
  }
}

WorkerMessage message_of(const Trial& trial, const TrialOutcome& outcome, double wall_seconds) {
  if (outcome.end == TrialEnd::interrupted) {
    return TrialInterrupted{trial.index, wall_seconds};
  }
  return TrialFinished{trial.index, outcome.end == TrialEnd::diverged, outcome.steps, wall_seconds};
}

/// False if this worker can train no more.
bool run_assignment(const Sweep& sweep, const Assignment& assignment, TrialRunner& runner, Transport& transport,
                    const WorkerSettings& settings, TeamLink& team) {
  const Trial trial = make_trial(sweep, assignment.trial);
  WorkerHooks hooks(trial, checkpoint_key(sweep, trial), assignment.failed_before, transport, settings);
  TeamTrial start{trial.index, std::nullopt};
  try {
    if (assignment.use_checkpoint) {
      start.checkpoint = read_checkpoint(settings.paths.checkpoint(trial), hooks.key());
    }
  } catch (const SystemError& error) {
    hooks.send(TrialFailed{trial.index, one_line(error.what()), hooks.wall_seconds()});
    return true;
  }
  team.set_while_waiting([&] { hooks.stop_requested(); });
  team.lead(start);
  const Ending ending = ending_of([&] {
    hooks.send(TrialStarted{trial.index, start.checkpoint.has_value()});
    return runner.run(trial, start.checkpoint, hooks);
  });
  const std::optional<MemberFailure> failure = team.leave(ending.failure);
  team.set_while_waiting({});
  if (ending.given_back) {
    hooks.send(TrialInterrupted{trial.index, hooks.wall_seconds()});
  } else if (failure && failure->unfit) {
    hooks.send(WorkerUnfit{false, failure->subject, failure->reason});
  } else if (failure) {
    hooks.send(TrialFailed{trial.index, failure->reason, hooks.wall_seconds()});
  } else {
    if (ending.outcome->end == TrialEnd::interrupted && !hooks.stop_requested()) {
      hooks.send(StopAsked{});  // it was another member's process that somebody asked
    }
    hooks.send(message_of(trial, *ending.outcome, hooks.wall_seconds()));
  }
  return !failure || !failure->unfit;
}

}  // namespace

std::string checkpoint_key(const Sweep& sweep, const Trial& trial) { return sha256_hex(sweep.digest + trial.key); }

void run_worker(const Sweep& sweep, TrialRunner& runner, Transport& transport, const WorkerSettings& settings, TeamLink& team) {
  try {
    bool fit = true;
    while (fit) {
      const std::optional<Assignment> assignment = transport.next();
      if (!assignment) break;
      fit = run_assignment(sweep, *assignment, runner, transport, settings, team);
    }
    team.dismiss();
  } catch (const TransportFailure& failure) {
    std::rethrow_exception(failure.cause);
  }
}

void run_worker(const Sweep& sweep, TrialRunner& runner, Transport& transport, const WorkerSettings& settings) {
  SoloLink alone;
  run_worker(sweep, runner, transport, settings, alone);
}

void run_member(const Sweep& sweep, TrialRunner& runner, TeamLink& team) {
  while (const std::optional<TeamTrial> start = team.next()) {
    const Trial trial = make_trial(sweep, start->trial);
    MemberHooks hooks;
    team.leave(ending_of([&] { return runner.run(trial, start->checkpoint, hooks); }).failure);
  }
}

}  // namespace edgesweep
