#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/spec/sweep.hpp"

namespace edgesweep {

using Bytes = std::vector<std::byte>;

enum class TrialEnd { done, diverged, interrupted };

struct TrialOutcome {
  TrialEnd end = TrialEnd::done;
  std::int64_t steps = 0;  ///< SGD steps taken, over all attempts
};

/// What a running trial tells and asks. Calls may throw: the trial then ends with that exception.
class TrialHooks {
 public:
  virtual ~TrialHooks() = default;

  /// Record `index` (0, 1, …) was measured: sum of widths of Sweep::columns values, in that order.
  virtual void record(std::int64_t index, std::span<const double> values) = 0;

  /// True when the state should be saved. Asked before every step: cheap.
  virtual bool checkpoint_due() = 0;

  /// Saves `state`, from which run() can go on: everything up to and including the records sent so far.
  virtual void checkpoint(const Bytes& state, std::int64_t step) = 0;

  /// True when the trial should save its state and return TrialEnd::interrupted. Asked before every step: cheap.
  virtual bool stop_requested() = 0;

  /// True if the trial has failed before: perhaps for what others did that trained in the same process.
  virtual bool failed_before() { return false; }

  /// Keeps a parameter file (content as torch.jit.load reads it); `record` is empty for the final one.
  virtual void keep_parameters(const Bytes& content, std::optional<std::int64_t> record) = 0;
};

/// Trains one trial. The engine knows no more of training than this.
class TrialRunner {
 public:
  virtual ~TrialRunner() = default;

  /// Runs from the start, or from `checkpoint` (what an earlier run gave to TrialHooks::checkpoint; all records it had
  /// taken are sent again, with the same bits). Divergence is an outcome; exceptions are failures.
  /// Throws InputError if the checkpoint is of another trial.
  virtual TrialOutcome run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) = 0;
};

/// Makes the runner of one rank for a sweep; loads data, so it is made where the trials run.
using TrialRunnerFactory = std::function<std::unique_ptr<TrialRunner>(const Sweep&)>;

}  // namespace edgesweep
