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
  WorkerHooks(const Trial& trial, std::string key, Transport& transport, const WorkerSettings& settings)
      : trial_(trial), key_(std::move(key)), transport_(transport), settings_(settings), started_(monotonic_seconds()), now_(started_),
        polled_(started_), checkpointed_(started_) {}

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
  Transport& transport_;
  const WorkerSettings& settings_;
  double started_;
  double now_;
  double polled_;
  double checkpointed_;
  bool stop_ = false;
};

void run_trial(const Trial& trial, bool use_checkpoint, TrialRunner& runner, WorkerHooks& hooks,
               const WorkerSettings& settings) {
  std::optional<Bytes> checkpoint;
  if (use_checkpoint) {
    checkpoint = read_checkpoint(settings.paths.checkpoint(trial), hooks.key());
  }
  hooks.send(TrialStarted{trial.index, checkpoint.has_value()});
  const TrialOutcome outcome = runner.run(trial, checkpoint, hooks);
  if (outcome.end == TrialEnd::interrupted) {
    hooks.send(TrialInterrupted{trial.index, hooks.wall_seconds()});
  } else {
    hooks.send(TrialFinished{trial.index, outcome.end == TrialEnd::diverged, outcome.steps, hooks.wall_seconds()});
  }
}

}  // namespace

std::string checkpoint_key(const Sweep& sweep, const Trial& trial) { return sha256_hex(sweep.digest + trial.key); }

void run_worker(const Sweep& sweep, TrialRunner& runner, Transport& transport, const WorkerSettings& settings) {
  while (const std::optional<Assignment> assignment = transport.next()) {
    const Trial trial = make_trial(sweep, assignment->trial);
    WorkerHooks hooks(trial, checkpoint_key(sweep, trial), transport, settings);
    try {
      run_trial(trial, assignment->use_checkpoint, runner, hooks, settings);
    } catch (const TransportFailure& failure) {
      std::rethrow_exception(failure.cause);
    } catch (const GivenBack&) {
      transport.send(TrialInterrupted{trial.index, hooks.wall_seconds()});
    } catch (const RunnerUnfit& error) {
      transport.send(WorkerUnfit{false, error.subject(), error.reason()});
      return;
    } catch (const std::exception& error) {
      transport.send(TrialFailed{trial.index, one_line(error.what()), hooks.wall_seconds()});
    }
  }
}

}  // namespace edgesweep
