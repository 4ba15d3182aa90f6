#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/spec/sweep.hpp"
#include "engine/spec/trial_runner.hpp"
#include "workers/training/network_training.hpp"
#include "workers/training/trial_loop.hpp"

namespace edgesweep::testing {

/// f = θ · x with gradients written out: L_B = 1/(2B) Σ (θ·x − y)².
class LineModel final : public Model {
 public:
  explicit LineModel(std::int64_t features);
  const std::vector<Parameter>& parameters() const override { return parameters_; }
  std::int64_t outputs() const override { return 1; }
  at::Tensor initial_parameters(std::uint64_t key) const override;
  at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const override;
  at::Tensor ntk(const at::Tensor& theta, const at::Tensor& inputs) const override;
  LossGradient loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                 Loss loss) const override;
  std::unique_ptr<SymmetricOperator> hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                             const at::Tensor& targets, Loss loss) const override;
  std::unique_ptr<SgdStepper> stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                      const SgdOptions& options, std::int64_t batch_size) const override;
  double forward_flops() const override { return static_cast<double>(parameters_[0].count); }

 private:
  std::vector<Parameter> parameters_;
};

/// Fills train_loss.
class LineLoss final : public Measurement {
 public:
  void measure(const MeasurementContext& context, std::span<double> out) override;
};

/// Fills (‖θ‖ summed over records, η): its result depends on the records before.
class RunningNorm final : public Measurement {
 public:
  RunningNorm();
  void measure(const MeasurementContext& context, std::span<double> out) override;
  MeasurementState state() const override;
  void restore(const MeasurementState& state) override;

 private:
  at::Tensor sum_;
};

/// 12 examples of 3 features with targets that no line fits exactly.
TrainTest line_data();

/// A sweep of one cell over line_data with train_loss, running_norm and seen_eta measured.
Sweep line_sweep(double eta, std::int64_t batch, std::int64_t steps, double momentum = 0.9);
/// Its trial for a seed, measured at steps 0, 1, 4 and the last.
Trial line_trial(const Sweep& sweep, std::int64_t seed = 5);
std::unique_ptr<TrialRunner> line_runner(const Sweep& sweep);

/// The records of every trial of the sweep, by `threads` threads that each take the next one as they are done.
std::vector<std::vector<std::vector<double>>> records_of_all(const Sweep& sweep, TrialRunner& runner, int threads);

/// Keeps all that a trial tells, and asks for stops and checkpoints at given steps.
class RecordingHooks final : public TrialHooks {
 public:
  void record(std::int64_t index, std::span<const double> values) override;
  bool checkpoint_due() override { return always_checkpoint; }
  void checkpoint(const Bytes& state, std::int64_t step) override;
  bool stop_requested() override;
  void keep_parameters(const Bytes& content, std::optional<std::int64_t> record) override;

  std::int64_t steps_until_stop = -1;  ///< steps to take before the stop, −1 for none
  bool always_checkpoint = false;

  std::vector<std::vector<double>> records;
  std::map<std::int64_t, Bytes> checkpoints;  ///< by step
  std::map<std::int64_t, Bytes> parameters;   ///< by record, −1 for the final ones
};

}  // namespace edgesweep::testing
