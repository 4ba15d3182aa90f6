#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/spec/trial_runner.hpp"

namespace edgesweep {

/// Named tensors of any type that checkpoints hold: float32, float64, int64, uint8, bool.
using TensorMap = std::map<std::string, at::Tensor>;

/// The state of a trial by part: what a checkpoint keeps.
using DynamicsState = std::map<std::string, TensorMap>;

/// What evolves in one trial, a step at a time: a network in training, the moments of a linear model. The state after a
/// step is a pure function of the trial and, on a CPU, the same to the bit wherever and in how many pieces it is computed.
class Dynamics {
 public:
  virtual ~Dynamics() = default;
  /// Makes the state before step 0. Either this or restore() is called, once, before anything below.
  virtual void start() = 0;
  /// Takes up what state() gave, on the CPU. Throws InputError about `checkpoint` if it does not fit.
  virtual void restore(const DynamicsState& state) = 0;
  virtual DynamicsState state() const = 0;
  virtual double learning_rate(std::int64_t step) const = 0;
  /// Training examples seen before `step`, where that is not `step` times the cell's B.
  virtual std::optional<std::int64_t> samples(std::int64_t) const { return std::nullopt; }
  /// From `step` to `step` + 1. Returns the loss before it, by which divergence is judged.
  virtual double advance(std::int64_t step) = 0;
  /// Fills the record at `step`, the columns after step, samples and learning_rate; they come filled with NaN. May change
  /// what measurements carry from record to record. False if the state is not finite any more: the trial has diverged.
  virtual bool measure(std::int64_t step, std::span<double> out) = 0;
  /// What keep_parameters keeps; nothing where there are no parameters.
  virtual std::optional<Bytes> parameter_file() const { return std::nullopt; }
};

/// Makes the dynamics of the trials of one sweep in one process; holds what they share.
class DynamicsFactory {
 public:
  virtual ~DynamicsFactory() = default;
  /// `trial` and the factory must outlive the result. Any thread may call it: trials do not see each other.
  virtual std::unique_ptr<Dynamics> make(const Trial& trial) = 0;
  /// As Model::pack_trials, before any trial is made.
  virtual void pack_trials(std::int64_t) {}
};

}  // namespace edgesweep
