#include "tests/workers/training/fakes.hpp"

#include <ATen/ATen.h>

#include <atomic>
#include <thread>
#include <utility>

#include "engine/base/digest.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep::testing {
namespace {

class LineStepper final : public SgdStepper {
 public:
  LineStepper(at::Tensor theta, at::Tensor velocity, const Examples& train, const SgdOptions& options)
      : theta_(std::move(theta)), velocity_(std::move(velocity)), train_(train), options_(options) {}

  double step(std::span<const std::int64_t> batch, double eta) override {
    const at::Tensor rows = at::tensor(at::ArrayRef<std::int64_t>(batch.data(), batch.size()));
    const at::Tensor x = train_.inputs.index_select(0, rows);
    const at::Tensor z = at::mv(x, theta_) - train_.targets.index_select(0, rows).squeeze(1);
    const auto count = static_cast<double>(batch.size());
    velocity_.mul_(options_.momentum).add_(at::mv(x.t(), z) / count).add_(theta_, options_.l2);
    theta_.sub_(velocity_, eta);
    return z.square().sum().item<double>() / (2 * count);
  }

 private:
  at::Tensor theta_;
  at::Tensor velocity_;
  const Examples& train_;
  SgdOptions options_;
};

class LineHessian final : public SymmetricOperator {
 public:
  explicit LineHessian(at::Tensor matrix) : matrix_(std::move(matrix)) {}
  std::int64_t size() const override { return matrix_.size(0); }
  at::Tensor apply(const at::Tensor& v) override { return at::mv(matrix_, v); }

 private:
  at::Tensor matrix_;
};

}  // namespace

LineModel::LineModel(std::int64_t features) : parameters_{{"line.weight", {1, features}, 0, features}} {}

at::Tensor LineModel::initial_parameters(std::uint64_t key) const {
  RandomStream stream(key, RandomUse::initial_parameters);
  at::Tensor theta = at::empty({parameters_[0].count}, at::kFloat);
  for (std::int64_t i = 0; i < theta.size(0); ++i) theta[i] = stream.normal();
  return theta;
}

at::Tensor LineModel::forward(const at::Tensor& theta, const at::Tensor& inputs) const {
  return at::mv(inputs, theta).unsqueeze(1);
}

at::Tensor LineModel::ntk(const at::Tensor&, const at::Tensor& inputs) const {
  return at::mm(inputs, inputs.t()) / static_cast<double>(inputs.size(0));
}

LossGradient LineModel::loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                          Loss) const {
  const at::Tensor z = (forward(theta, inputs) - targets).squeeze(1);
  const auto count = static_cast<double>(inputs.size(0));
  return {z.square().sum().item<double>() / (2 * count), at::mv(inputs.t(), z) / count};
}

std::unique_ptr<SymmetricOperator> LineModel::hessian(const at::Tensor&, const at::Tensor& inputs,
                                                      const at::Tensor&, Loss) const {
  return std::make_unique<LineHessian>(at::mm(inputs.t(), inputs) / static_cast<double>(inputs.size(0)));
}

std::unique_ptr<SgdStepper> LineModel::stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                               const SgdOptions& options, std::int64_t) const {
  return std::make_unique<LineStepper>(std::move(theta), std::move(velocity), train, options);
}

void LineLoss::measure(const MeasurementContext& context, std::span<double> out) {
  const Examples& train = context.data.train;
  out[0] = (context.model.forward(context.theta, train.inputs) - train.targets).square().mean().item<double>() / 2;
}

RunningNorm::RunningNorm() : sum_(at::zeros({1}, at::kDouble)) {}

void RunningNorm::measure(const MeasurementContext& context, std::span<double> out) {
  sum_ = sum_ + context.theta.norm();
  out[0] = sum_.item<double>();
  out[1] = context.eta;
}

MeasurementState RunningNorm::state() const { return {{"sum", sum_}}; }

void RunningNorm::restore(const MeasurementState& state) { sum_ = state.at("sum"); }

TrainTest line_data() {
  RandomStream stream(1, RandomUse::subset);
  const auto normals = [&](std::int64_t rows, std::int64_t columns) {
    at::Tensor x = at::empty({rows, columns}, at::kFloat);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.view(-1)[i] = stream.normal();
    return x;
  };
  Examples train{normals(12, 3), normals(12, 1), {}};
  return {train, {train.inputs.narrow(0, 0, 0), train.targets.narrow(0, 0, 0), {}}};
}

Sweep line_sweep(double eta, std::int64_t batch, std::int64_t steps, double momentum) {
  Sweep sweep;
  sweep.experiment = Json::parse(R"({"dataset": {"name": "line"}, "model": {"name": "line"}, "loss": "mse",
    "optimizer": {"momentum": 0.0, "l2": 0.01}, "schedule": {"name": "constant"}, "sampler": "epoch"})");
  sweep.experiment["optimizer"]["momentum"] = momentum;
  sweep.columns = {{"step", "1", ""},       {"samples", "1", ""},      {"learning_rate", "1", ""},
                   {"train_loss", "1", ""}, {"running_norm", "1", ""}, {"seen_eta", "1", ""}};
  sweep.loss_above = 1e3;
  sweep.train_examples = 12;
  sweep.cells = {{0, 0, batch, eta, steps}};
  return sweep;
}

Trial line_trial(const Sweep& sweep, std::int64_t seed) {
  Trial trial;
  trial.cell = sweep.cells[0];
  trial.seed = seed;
  trial.key = sha256_hex("line" + std::to_string(seed));
  trial.record_steps = {0, 1, 4};
  trial.record_steps.push_back(trial.cell.steps);
  return trial;
}

std::unique_ptr<TrialRunner> line_runner(const Sweep& sweep) {
  static SoloTeam alone;
  auto training = std::make_unique<NetworkTraining>(sweep, std::make_unique<LineModel>(3), line_data(), [] {
    std::vector<ActiveMeasurement> measurements;
    measurements.push_back({"loss", 1, std::make_unique<LineLoss>()});
    measurements.push_back({"running_norm", 2, std::make_unique<RunningNorm>()});
    return measurements;
  });
  return std::make_unique<TrialLoop>(sweep, std::move(training), alone);
}

std::vector<std::vector<std::vector<double>>> records_of_all(const Sweep& sweep, TrialRunner& runner, int threads) {
  std::vector<std::vector<std::vector<double>>> result(static_cast<std::size_t>(sweep.trial_count()));
  std::atomic<std::int64_t> next = 0;
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      for (std::int64_t index = next++; index < sweep.trial_count(); index = next++) {
        RecordingHooks hooks;
        const Trial trial = make_trial(sweep, index);
        runner.run(trial, std::nullopt, hooks);
        result[static_cast<std::size_t>(index)] = hooks.records;
      }
    });
  }
  workers.clear();
  return result;
}

void RecordingHooks::record(std::int64_t index, std::span<const double> values) {
  if (index != static_cast<std::int64_t>(records.size())) throw std::logic_error("records out of order");
  records.emplace_back(values.begin(), values.end());
}

void RecordingHooks::checkpoint(const Bytes& state, std::int64_t step) { checkpoints[step] = state; }

bool RecordingHooks::stop_requested() { return steps_until_stop >= 0 && steps_until_stop-- == 0; }

void RecordingHooks::keep_parameters(const Bytes& content, std::optional<std::int64_t> record) {
  parameters[record.value_or(-1)] = content;
}

}  // namespace edgesweep::testing
