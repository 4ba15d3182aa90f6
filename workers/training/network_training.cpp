#include "workers/training/network_training.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/data/sampler.hpp"
#include "workers/training/parameter_file.hpp"
#include "workers/training/schedule.hpp"

namespace edgesweep {
namespace {

/// Name of the part of a checkpoint that holds θ and v; measurements have their own.
constexpr const char* network_part = "network";

void require(bool holds, const std::string& reason) {
  if (!holds) throw InputError("checkpoint", reason);
}

/// Where train_loss stands among the measurements' values; −1 if it is not measured.
std::int64_t train_loss_position(const Sweep& sweep) {
  std::int64_t position = -3;  // step, samples and learning_rate come first
  for (const Column& column : sweep.columns) {
    if (column.name == "train_loss") return position;
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
        options_{sweep.experiment.at("optimizer").at("momentum"), sweep.experiment.at("optimizer").at("l2")},
        schedule_(make_schedule(sweep.experiment.at("schedule"), trial.cell.eta)),
        sampler_(make_sampler(sweep.experiment.at("sampler"), random_key(trial.key), data.train.count(),
                              trial.cell.batch)),
        train_loss_(train_loss_position(sweep)) {}

  void start() override {
    const at::Tensor theta = model_.initial_parameters(initial_parameters_key(sweep_.experiment, trial_.seed));
    set_parameters(theta, at::zeros_like(theta));
  }

  void restore(const DynamicsState& state) override {
    require(state.size() == measurements_.size() + 1, "it is of other measurements");
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
  }

  DynamicsState state() const override {
    DynamicsState state{{network_part, {{"theta", theta_}, {"velocity", velocity_}}}};
    for (const ActiveMeasurement& active : measurements_) state[active.name] = active.measurement->state();
    return state;
  }

  double learning_rate(std::int64_t step) const override { return schedule_(step); }

  double advance(std::int64_t step) override { return stepper_->step(sampler_->batch(step), schedule_(step)); }

  bool measure(std::int64_t step, std::span<double> out) override {
    if (!at::isfinite(theta_).all().item<bool>()) return false;
    const MeasurementContext context{model_,   theta_,           data_,    schedule_(step),
                                     trial_.cell.batch, options_, random_key(trial_.key)};
    std::size_t first = 0;
    for (const ActiveMeasurement& active : measurements_) {
      const auto width = static_cast<std::size_t>(active.width);
      active.measurement->measure(context, out.subspan(first, width));
      first += width;
      // The loss comes first: where it overflows, Gram matrices and Hessians would too.
      const auto loss = static_cast<std::size_t>(train_loss_);
      if (train_loss_ >= 0 && first > loss && !std::isfinite(out[loss])) break;
    }
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
    stepper_ = model_.stepper(theta_, velocity_, data_.train, options_, trial_.cell.batch);
  }

  const Sweep& sweep_;
  const Model& model_;
  const TrainTest& data_;
  std::vector<ActiveMeasurement> measurements_;
  const Trial& trial_;
  SgdOptions options_;
  Schedule schedule_;
  std::unique_ptr<Sampler> sampler_;
  std::int64_t train_loss_;
  at::Tensor theta_;
  at::Tensor velocity_;
  std::unique_ptr<SgdStepper> stepper_;
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
  const Json origin = {{"model", experiment.at("model")}, {"dataset", experiment.at("dataset")}, {"seed", seed}};
  return random_key(sha256_hex(origin.dump()));
}

}  // namespace edgesweep
