#include "workers/training/network_training.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/data/streamed_examples.hpp"
#include "workers/data/training_batches.hpp"
#include "workers/training/fork.hpp"
#include "workers/training/gradient_flow.hpp"
#include "workers/training/optimizer.hpp"
#include "workers/training/parameter_file.hpp"
#include "workers/training/phases.hpp"
#include "workers/training/schedule.hpp"

namespace edgesweep {
namespace {

/// Name of the part of a checkpoint that holds θ and v; measurements have their own.
constexpr const char* network_part = "network";
/// Of what follows λ_max from record to record: a schedule or the gradient flow.
constexpr const char* schedule_part = "schedule";

void require(bool holds, const std::string& reason) {
  if (!holds) throw InputError("checkpoint", reason);
}

/// Where a column stands among the measurements' values; −1 if it is not measured.
std::int64_t position(const Sweep& sweep, const std::string& name) {
  std::int64_t position = -3;  // step, samples and learning_rate come first
  for (const Column& column : sweep.columns) {
    if (column.name == name) return position;
    position += column.width;
  }
  return -1;
}

class NetworkDynamics final : public Dynamics {
 public:
  NetworkDynamics(const Sweep& sweep, const Model& model, const TrainTest& data,
                  std::vector<ActiveMeasurement> measurements, const Trial& trial)
      : sweep_(sweep),
        model_(model),
        data_(data),
        measurements_(std::move(measurements)),
        trial_(trial),
        options_(sgd_options(sweep.experiment)),
        flow_(flow_settings(sweep.experiment)),
        keeps_lambda_max_(flow_ || follows_lambda_max(sweep.experiment.at("schedule"))),
        train_loss_(position(sweep, "train_loss")),
        lambda_max_column_(position(sweep, "hessian_lambda_max")),
        phases_(phases_of(sweep.experiment, trial, data.examples())) {}

  void start() override {
    const auto fork = fork_of(sweep_.experiment);
    const at::Tensor theta =
        model_.initial_parameters(initial_parameters_key(sweep_.experiment, fork ? fork->seed : trial_.seed));
    set_parameters(theta, at::zeros_like(theta));
  }

  void restore(const DynamicsState& state) override {
    require(state.size() == measurements_.size() + (keeps_lambda_max_ ? 2 : 1), "it is of other measurements");
    for (const ActiveMeasurement& active : measurements_) {
      const auto part = state.find(active.name);
      require(part != state.end(), "it has no state of the measurement " + active.name);
      active.measurement->restore(part->second);
    }
    const auto network = state.find(network_part);
    require(network != state.end() && network->second.contains("theta") && network->second.contains("velocity"),
            "it has no parameters");
    for (const auto& [name, tensor] : network->second) {
      require(tensor.scalar_type() == at::kFloat && tensor.dim() == 1 && tensor.size(0) == model_.parameter_count(),
              "its parameters are not those of the model");
    }
    set_parameters(network->second.at("theta"), network->second.at("velocity"));
    if (keeps_lambda_max_) {
      const auto schedule = state.find(schedule_part);
      require(schedule != state.end() && schedule->second.contains("lambda_max") &&
                  schedule->second.at("lambda_max").scalar_type() == at::kDouble &&
                  schedule->second.at("lambda_max").numel() == 1,
              "it has no lambda_max");
      lambda_max_ = schedule->second.at("lambda_max").item<double>();
    }
  }

  DynamicsState state() const override {
    DynamicsState state{{network_part, {{"theta", theta_}, {"velocity", velocity_}}}};
    for (const ActiveMeasurement& active : measurements_) state[active.name] = active.measurement->state();
    if (keeps_lambda_max_) state[schedule_part] = {{"lambda_max", at::full({1}, lambda_max_, at::kDouble)}};
    return state;
  }

  double learning_rate(std::int64_t step) const override { return phase_at(phases_, step).schedule(step, lambda_max_); }

  std::optional<std::int64_t> samples(std::int64_t step) const override {
    return samples_before(phases_, step);
  }

  double advance(std::int64_t step) override {
    if (flow_) return follow_flow(step);
    enter(phase_at(phases_, step));
    return current_.stepper->step(current_.batches->batch(step), learning_rate(step));
  }

  bool measure(std::int64_t step, std::span<double> out) override {
    if (!at::isfinite(theta_).all().item<bool>()) return false;
    const Phase& now = phase_at(phases_, step);
    const MeasurementContext context{model_, theta_, data_, step, learning_rate(step), now.batch, options_, now.random_key};
    std::size_t first = 0;
    for (const ActiveMeasurement& active : measurements_) {
      const auto width = static_cast<std::size_t>(active.width);
      active.measurement->measure(context, out.subspan(first, width));
      first += width;
      // The loss comes first: where it overflows, Gram matrices and Hessians would too.
      const auto loss = static_cast<std::size_t>(train_loss_);
      if (train_loss_ >= 0 && first > loss && !std::isfinite(out[loss])) break;
    }
    if (lambda_max_column_ >= 0) lambda_max_ = out[static_cast<std::size_t>(lambda_max_column_)];
    return true;
  }

  std::optional<Bytes> parameter_file() const override {
    return edgesweep::parameter_file(model_.parameters(), theta_);
  }

 private:
  void set_parameters(const at::Tensor& theta, const at::Tensor& velocity) {
    const at::Device device = data_.train.inputs.device();
    theta_ = theta.to(device).contiguous();
    velocity_ = velocity.to(device).contiguous();
    current_ = {};
  }

  /// What the steps of a phase need.
  struct Steps {
    const Phase* phase = nullptr;
    std::unique_ptr<TrainingBatches> batches;
    std::unique_ptr<SgdStepper> stepper;
  };

  /// The learning rate is the time that a step takes.
  double follow_flow(std::int64_t step) {
    const FlowSteps steps = flow_steps(*flow_, learning_rate(step), lambda_max_);
    const Followed followed = follow_gradient_flow(model_, theta_, data_.train, options_.loss, steps);
    theta_ = followed.theta;
    return followed.loss;
  }

  void enter(const Phase& phase) {
    if (current_.phase == &phase) return;
    current_ = {};
    current_.phase = &phase;
    const Json& experiment = sweep_.experiment;
    current_.batches = make_training_batches(
        experiment.at("dataset"), data_,
        {experiment.at("sampler"), phase.random_key, phase.batch, experiment.value("label_smoothing", 0.0)},
        {data_.train.inputs.device(), [this](std::int64_t count) { return model_.own_rows(count); }});
    current_.stepper = model_.stepper(theta_, velocity_, current_.batches->examples(), options_, phase.batch);
  }

  const Sweep& sweep_;
  const Model& model_;
  const TrainTest& data_;
  std::vector<ActiveMeasurement> measurements_;
  const Trial& trial_;
  SgdOptions options_;
  std::optional<FlowSettings> flow_;  // in place of SGD
  bool keeps_lambda_max_;
  double lambda_max_ = std::numeric_limits<double>::quiet_NaN();  // of the last record
  std::int64_t train_loss_;
  std::int64_t lambda_max_column_;
  std::vector<Phase> phases_;
  at::Tensor theta_;
  at::Tensor velocity_;
  Steps current_;  // made when a step wants it
};

}  // namespace

NetworkTraining::NetworkTraining(Sweep sweep, std::unique_ptr<Model> model, TrainTest data,
                                 MeasurementFactory measurements)
    : sweep_(std::move(sweep)),
      model_(std::move(model)),
      data_(std::move(data)),
      measurements_(std::move(measurements)) {}

std::unique_ptr<Dynamics> NetworkTraining::make(const Trial& trial) {
  return std::make_unique<NetworkDynamics>(sweep_, *model_, data_, measurements_(), trial);
}

std::uint64_t initial_parameters_key(const Json& experiment, std::int64_t seed) {
  Json dataset = experiment.at("dataset");
  dataset.erase("augment");  // with and without it, the same network
  const Json origin = {{"model", experiment.at("model")}, {"dataset", dataset}, {"seed", seed}};
  return random_key(sha256_hex(origin.dump()));
}

}  // namespace edgesweep
