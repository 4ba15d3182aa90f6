#include "workers/training/gradient_flow.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/training/fakes.hpp"
#include "workers/training/optimizer.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;
using edgesweep::testing::line_data;
using edgesweep::testing::line_sweep;
using edgesweep::testing::line_trial;
using edgesweep::testing::LineLoss;
using edgesweep::testing::LineModel;
using edgesweep::testing::RecordingHooks;

const double unknown = std::nan("");

Examples in_double(const Examples& examples) {
  return {examples.inputs.to(at::kDouble), examples.targets.to(at::kDouble), examples.labels};
}

/// θ(t) of the linear model: θ* + Σ e^{−λt} u uᵀ (θ₀ − θ*) with the eigenpairs (λ, u) of H = XᵀX / D.
at::Tensor exact_flow(const at::Tensor& theta, const Examples& train, double time) {
  const at::Tensor x = train.inputs, h = at::mm(x.t(), x) / static_cast<double>(x.size(0));
  const at::Tensor best = at::linalg_solve(h, at::mv(x.t(), train.targets.squeeze(1)) / static_cast<double>(x.size(0)));
  const auto [values, vectors] = at::linalg_eigh(h);
  return best + at::mv(vectors, at::exp(values * -time) * at::mv(vectors.t(), theta - best));
}

double largest_curvature(const Examples& train) {
  const at::Tensor x = train.inputs;
  return at::linalg_eigvalsh(at::mm(x.t(), x) / static_cast<double>(x.size(0))).max().item<double>();
}

TEST(FlowSteps, FillTheTimeWithStepsOfTheSmallerOfInverseCurvatureAndCap) {
  const FlowSettings settings{0.25, 1};
  const FlowSteps steps = flow_steps(settings, 1.0, 10);
  EXPECT_EQ(steps.count, 10);
  EXPECT_EQ(steps.step, 0.1);
  EXPECT_NEAR(steps.last, 0.1, 1e-15);
  const FlowSteps clipped = flow_steps(settings, 1.0, 8.1);
  EXPECT_EQ(clipped.count, 9);
  EXPECT_NEAR(8 * clipped.step + clipped.last, 1.0, 1e-15);
  EXPECT_LT(clipped.last, clipped.step);
  for (const double lambda : {unknown, -3.0, 0.0, 1.0, 4.0}) EXPECT_EQ(flow_steps(settings, 1.0, lambda).count, 4) << lambda;
  EXPECT_EQ(flow_steps(settings, 0.1, 0.0).last, 0.1);
  EXPECT_EQ(flow_steps({0.25, 0.5}, 1.0, 10).count, 20);
  EXPECT_EQ(flow_steps(settings, 0.0, 10).last, 0.0);
}

// 0.3 / 0.1 is a little below 3 in doubles, 0.7 / 0.1 a little below 7: rounding takes no step of its own.
TEST(FlowSteps, TakeNoStepForRounding) {
  for (const int count : {3, 6, 7, 9, 12}) {
    EXPECT_EQ(flow_steps({0.1, 1}, 0.1 * count, unknown).count, count);
    EXPECT_EQ(flow_steps({1, 1}, count / 10.0, 10.0).count, count);
  }
}

TEST(FlowSteps, AreRefusedWhereTheyWouldNotEnd) {
  EXPECT_THROW(flow_steps({1, 1}, 1.0, 1e7), InputError);
  EXPECT_THROW(flow_steps({1, 1}, 1.0, INFINITY), InputError);
}

TEST(GradientFlow, OfAQuadraticLossIsTheClosedForm) {
  const Examples train = in_double(line_data().train);
  const LineModel model(3);
  const at::Tensor start = model.initial_parameters(7).to(at::kDouble);
  const double time = 3.0, lambda = largest_curvature(train);
  const at::Tensor exact = exact_flow(start, train, time);
  const auto error = [&](double scale) {
    const FlowSteps steps = flow_steps({10, scale}, time, lambda);
    return (follow_gradient_flow(model, start, train, Loss::mse, steps).theta - exact).norm().item<double>();
  };
  // At dt = 1/λ a step's factor is wrong by e^{-1} − 9/24 = 0.007, less for the other modes.
  EXPECT_LT(error(1), 0.007 * (start - exact).norm().item<double>());
  EXPECT_LT(error(0.01), 1e-9);
  EXPECT_NEAR(error(0.05) / error(0.025), 16, 1.5);
}

TEST(GradientFlow, OfANetworkConvergesToFourthOrder) {
  at::manual_seed(3);
  const Json settings = model_family("mlp").canonical(
      ObjectReader(Json{{"name", "mlp"}, {"hidden", {7, 5}}, {"activation", "tanh"}}, "", ""));
  const auto model = model_family("mlp").make(settings, {4}, 2);
  const Examples train{at::randn({20, 4}, at::kDouble), at::randn({20, 2}, at::kDouble), {}};
  const at::Tensor start = model->initial_parameters(1).to(at::kDouble);
  const auto after = [&](std::int64_t count) {
    const double time = 2.0, step = time / static_cast<double>(count);
    return follow_gradient_flow(*model, start, train, Loss::mse, {count, step, step}).theta;
  };
  const at::Tensor exact = after(640);
  const auto error = [&](std::int64_t count) { return (after(count) - exact).norm().item<double>(); };
  for (const std::int64_t count : {20, 40}) EXPECT_NEAR(error(count) / error(2 * count), 16, 2.5) << count;
}

/// Fills hessian_lambda_max with something that changes from record to record.
class FakeCurvature final : public Measurement {
 public:
  void measure(const MeasurementContext& context, std::span<double> out) override {
    out[0] = 3 + context.theta.square().sum().item<double>();
  }
};

Sweep flow_sweep(double step_scale = 1) {
  Sweep sweep = line_sweep(0.4, 12, 11);
  sweep.experiment["optimizer"] = {{"name", "gradient_flow"}, {"max_step", 10.0}, {"step_scale", step_scale}};
  sweep.columns.resize(4);
  sweep.columns.push_back({"hessian_lambda_max", "1", ""});
  return sweep;
}

std::unique_ptr<TrialRunner> runner(const Sweep& sweep) {
  static SoloTeam alone;
  auto training = std::make_unique<NetworkTraining>(sweep, std::make_unique<LineModel>(3), line_data(), [] {
    std::vector<ActiveMeasurement> measurements;
    measurements.push_back({"loss", 1, std::make_unique<LineLoss>()});
    measurements.push_back({"hessian", 1, std::make_unique<FakeCurvature>()});
    return measurements;
  });
  return std::make_unique<TrialLoop>(sweep, std::move(training), alone);
}

TEST(GradientFlow, OfATrialIsAtTimeEtaTimesSteps) {
  const Sweep sweep = flow_sweep(0.2);
  const Trial trial = line_trial(sweep);
  RecordingHooks hooks;
  EXPECT_EQ(runner(sweep)->run(trial, std::nullopt, hooks).end, TrialEnd::done);
  ASSERT_EQ(hooks.records.size(), 4U);
  const Examples train = in_double(line_data().train);
  const at::Tensor start =
      LineModel(3).initial_parameters(initial_parameters_key(sweep.experiment, trial.seed)).to(at::kDouble);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto step = static_cast<double>(trial.record_steps[i]);
    const at::Tensor theta = exact_flow(start, train, 0.4 * step);
    const double loss = (at::mv(train.inputs, theta) - train.targets.squeeze(1)).square().mean().item<double>() / 2;
    EXPECT_NEAR(hooks.records[i][3], loss, 1e-5) << "float32 against float64";
    EXPECT_EQ(hooks.records[i][1], 12 * step);
    EXPECT_EQ(hooks.records[i][2], 0.4);
  }
}

TEST(GradientFlow, IsTheSameBitForBitWhenInterruptedAtAnyStep) {
  const Sweep sweep = flow_sweep();
  const Trial trial = line_trial(sweep);
  RecordingHooks whole;
  runner(sweep)->run(trial, std::nullopt, whole);
  for (std::int64_t stop = 0; stop < 11; ++stop) {
    RecordingHooks first, second;
    first.steps_until_stop = stop;
    EXPECT_EQ(runner(sweep)->run(trial, std::nullopt, first).end, TrialEnd::interrupted);
    runner(sweep)->run(trial, first.checkpoints.at(stop), second);
    EXPECT_EQ(second.records, whole.records) << stop;
  }
}

// Gradient descent is Euler's method for the flow: at equal time, the distance is proportional to η.
TEST(GradientFlow, IsTheLimitOfGradientDescent) {
  const edgesweep::testing::TemporaryFolder folder;
  edgesweep::testing::write_made_up_mnist(folder.path(), 30, 10);
  const auto final_loss = [&](const Json& optimizer, double eta, std::int64_t steps) {
    Json sweep = Json::parse(R"({"name": "tiny", "records": {"count": 6, "spacing": "linear"}, "measure": {"loss": {}, "hessian": {}},
      "experiment": {"dataset": {"name": "mnist", "train": 30, "test": 10}, "model": {"name": "mlp", "hidden": [8], "activation": "tanh"}}})");
    sweep["grid"] = {{{"batch", {30}}, {"eta", {eta}}, {"steps", steps}}};
    sweep["experiment"]["optimizer"] = optimizer;
    const Sweep parsed = parse_sweep(sweep.dump(), "s.json", *make_catalog());
    RecordingHooks hooks;
    make_runner(parsed, {.data = {folder.path()}, .device = "cpu"})->run(make_trial(parsed, 0), std::nullopt, hooks);
    return hooks.records.back()[3];
  };
  const double flow = final_loss({{"name", "gradient_flow"}, {"step_scale", 0.2}}, 0.005, 10);
  const double finer = final_loss({{"name", "gradient_flow"}, {"step_scale", 0.1}}, 0.005, 10);
  const double coarse_descent = final_loss(Json::object(), 0.0005, 100), fine_descent = final_loss(Json::object(), 0.00025, 200);
  EXPECT_LT(std::abs(flow - finer), 0.01 * std::abs(fine_descent - flow));
  EXPECT_NEAR((coarse_descent - flow) / (fine_descent - flow), 2, 0.3);
}

std::string error_of(const Json& changes, const std::string& measure = R"({"loss": {}, "hessian": {}})") {
  Json sweep = Json::parse(R"({"name": "tiny", "grid": [{"batch": [30], "eta": [0.1], "steps": 3}],
    "experiment": {"dataset": {"name": "mnist", "train": 30}, "model": {"name": "mlp", "hidden": [8], "activation": "tanh"},
                   "optimizer": {"name": "gradient_flow"}}})");
  sweep["measure"] = Json::parse(measure);
  for (const auto& [path, value] : changes.items()) sweep[Json::json_pointer(path)] = value;
  try {
    parse_sweep(sweep.dump(), "s.json", *make_catalog());
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(GradientFlow, HasOneCanonicalFormAndLeavesThatOfSgd) {
  const auto canonical = [](const Json& optimizer) { return canonical_optimizer(ObjectReader(optimizer, "s.json", "o")); };
  EXPECT_EQ(canonical({{"name", "sgd"}}), canonical(Json::object()));
  EXPECT_FALSE(canonical(Json::object()).contains("name"));
  const Json flow = canonical({{"name", "gradient_flow"}});
  EXPECT_EQ(flow, Json::parse(R"({"name": "gradient_flow", "max_step": 1.0, "step_scale": 1.0})"));
  EXPECT_EQ(canonical(flow), flow);
  EXPECT_EQ(error_of({}), "no error");
}

TEST(GradientFlow, RefusesWhatItHasNoPlaceFor) {
  EXPECT_THAT(error_of({{"/grid/0/batch", {10}}}),
              HasSubstr("grid[0].batch[0]: is 10; must be 30, the number of training examples: gradient_flow"));
  EXPECT_THAT(error_of({{"/experiment/optimizer/momentum", 0.9}}), HasSubstr("experiment.optimizer.momentum: unknown key"));
  EXPECT_THAT(error_of({{"/experiment/optimizer/l2", 0.1}}), HasSubstr("experiment.optimizer.l2: unknown key"));
  EXPECT_THAT(error_of({{"/experiment/optimizer/max_step", 0}}), HasSubstr("experiment.optimizer.max_step: is 0"));
  EXPECT_THAT(error_of({{"/experiment/dataset/augment", {{"flip", true}}}}), HasSubstr("experiment.dataset.augment: is there"));
  EXPECT_THAT(error_of({{"/experiment/schedule", {{"name", "inverse_lambda_max"}}}}),
              HasSubstr("experiment.schedule.name: is inverse_lambda_max"));
  EXPECT_THAT(error_of({{"/experiment/changes", Json::parse(R"([{"step": 1, "batch": 30}])")}}),
              HasSubstr("experiment.changes[0].batch: is there"));
  EXPECT_THAT(error_of({}, R"({"loss": {}})"), HasSubstr("measure: needs hessian: gradient_flow"));
}

}  // namespace
}  // namespace edgesweep
