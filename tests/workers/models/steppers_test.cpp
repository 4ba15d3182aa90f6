#include <gtest/gtest.h>

#include <string>

#include "engine/base/error.hpp"
#include "tests/workers/models/any_model.hpp"
#include "tests/workers/models/networks.hpp"
#include "workers/models/mlp_stepper.hpp"

namespace edgesweep {
namespace {

using namespace testing;

constexpr std::int64_t examples = 12;
constexpr std::int64_t batch_size = 5;
constexpr int steps = 6;

const std::vector<SgdOptions> options{
    {}, {.momentum = 0.9}, {.l2 = 0.01}, {.momentum = 0.9, .l2 = 0.01}, {.momentum = 0.8, .l2 = 0.01, .nesterov = true}};

std::vector<std::int64_t> batch_at(int step) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < batch_size; ++i) rows.push_back((5 * i + 7 * step + 3) % examples);
  return rows;
}

struct Training {
  at::Tensor theta, velocity;
  std::vector<double> losses;
};

/// torch.optim.SGD with dampening 0, line by line, whose gradients are autograd's.
Training reference(const Model& model, const at::Tensor& start, const Examples& data, const SgdOptions& o, double eta) {
  Training t{start.clone(), at::zeros_like(start), {}};
  for (int step = 0; step < steps; ++step) {
    const at::Tensor rows = at::tensor(batch_at(step), at::kLong), leaf = t.theta.detach().clone().requires_grad_(true);
    const at::Tensor loss = loss_value(o.loss, model.forward(leaf, data.inputs.index_select(0, rows)),
                                       data.targets.index_select(0, rows));
    t.losses.push_back(loss.item<double>());
    at::Tensor g = torch::autograd::grad({loss}, {leaf})[0];
    g = g + o.l2 * t.theta;
    if (o.momentum != 0) {
      t.velocity = o.momentum * t.velocity + g;
      g = o.nesterov ? g + o.momentum * t.velocity : t.velocity;
    }
    t.theta = t.theta - eta * g;
  }
  return t;
}

Training train(SgdStepper& stepper, const at::Tensor& theta, const at::Tensor& velocity, double eta) {
  Training t{theta, velocity, {}};
  for (int step = 0; step < steps; ++step) t.losses.push_back(stepper.step(batch_at(step), eta));
  return t;
}

void expect_same(const Training& got, const Training& expected, const at::Tensor& start, const SgdOptions& o, double tolerance) {
  EXPECT_LT(relative_error(got.theta.to(at::kDouble) - start, expected.theta - start), tolerance);
  if (o.momentum != 0) {
    EXPECT_LT(relative_error(got.velocity, expected.velocity), tolerance);
  }
  for (int s = 0; s < steps; ++s) EXPECT_NEAR(got.losses[s], expected.losses[s], tolerance * expected.losses[s]);
}

Examples data_for(const Small& small, Loss loss, at::ScalarType type) {
  return {random_inputs(small, examples, 2).to(type), random_targets(loss, examples, small.outputs, 3).to(type), {}};
}

TEST(AutogradStepper, TakesTheStepsOfPyTorchsSgd) {
  for (const Small& small : {Small{R"({"name": "resnet", "depth": 8, "norm": "group", "chunk": 2})", {3, 8, 8}, 2},
                             Small{R"({"name": "mixer", "width": 6, "blocks": 1, "token_hidden": 5, "channel_hidden": 7})",
                                   {1, 8, 8}, 2},
                             Small{R"({"name": "diagonal_linear"})", {4}, 1}}) {
    const auto model = make_model(small);
    const at::Tensor start = random_parameters(*model, 1);
    for (SgdOptions o : options) {
      for (const Loss loss : losses_for(small)) {
        SCOPED_TRACE(std::string(small.model) + ", " + loss_names()[static_cast<std::size_t>(loss)] + ", momentum " +
                     std::to_string(o.momentum) + (o.nesterov ? ", Nesterov" : ""));
        o.loss = loss;
        const Examples data = data_for(small, loss, at::kDouble);
        const at::Tensor theta = start.clone(), velocity = at::zeros_like(theta);
        const auto stepper = model->stepper(theta, velocity, data, o, batch_size);
        expect_same(train(*stepper, theta, velocity, 1e-3), reference(*model, start, data, o, 1e-3), start, o, 1e-9);
      }
    }
  }
}

TEST(AutogradStepper, OfABatchLargerThanAChunkWithBatchNormSumsGhostBatches) {
  const auto trained = [](int chunk) {
    const std::string text = R"({"name": "resnet", "depth": 8, "chunk": )" + std::to_string(chunk) + "}";
    const Small small{text.c_str(), {3, 8, 8}, 2};
    const auto model = make_model(small);
    const at::Tensor start = random_parameters(*model, 1), theta = start.clone(), velocity = at::zeros_like(theta);
    const Examples data = data_for(small, Loss::mse, at::kDouble);
    model->stepper(theta, velocity, data, {}, batch_size)->step(batch_at(0), 0.1);
    const at::Tensor rows = at::tensor(batch_at(0), at::kLong);
    const at::Tensor g = model->gradient(start, data.inputs.index_select(0, rows), data.targets.index_select(0, rows), Loss::mse);
    EXPECT_LT(relative_error(theta - start, -0.1 * g), 1e-12);
    return theta;
  };
  EXPECT_GT(relative_error(trained(2), trained(5)), 1e-4);
}

TEST(AutogradStepper, RefusesBatchesThatAreNotOfTheDataOrTheSize) {
  const Small small{R"({"name": "diagonal_linear"})", {4}, 1};
  const auto model = make_model(small);
  const at::Tensor theta = model->initial_parameters(1), velocity = at::zeros_like(theta);
  const auto stepper = model->stepper(theta, velocity, data_for(small, Loss::mse, at::kFloat), {}, 2);
  EXPECT_THROW(stepper->step(std::vector<std::int64_t>{1}, 0.1), InputError);
  EXPECT_THROW(stepper->step(std::vector<std::int64_t>{1, examples}, 0.1), InputError);
}

TEST(MlpStepper, TakesTheStepsOfPyTorchsSgdWithEveryLossAndNesterovsMomentum) {
  const Mlp three({.sizes = {19, 21, 18, 3}, .activation = Activation::tanh});
  const Mlp one({.sizes = {19, 21, 1}, .activation = Activation::gelu, .init = "ntk"});
  for (const Mlp* mlp : {&three, &one}) {
    const Small small{"", {19}, mlp->outputs()};
    const at::Tensor start = parameters_of(*mlp).to(at::kFloat).to(at::kDouble);
    for (SgdOptions o : options) {
      for (const Loss loss : losses_for(small)) {
        o.loss = loss;
        const Training expected = reference(*mlp, start, data_for(small, loss, at::kDouble), o, 0.02);
        const auto check = [&](auto make, at::ScalarType type, double tolerance, const char* name) {
          SCOPED_TRACE(std::string(name) + ", " + loss_names()[static_cast<std::size_t>(loss)] + ", momentum " +
                       std::to_string(o.momentum) + (o.nesterov ? ", Nesterov" : ""));
          const at::Tensor theta = start.to(type, false, true), velocity = at::zeros_like(theta);
          const auto stepper = make(*mlp, theta, velocity, data_for(small, loss, type), o, batch_size);
          // float32 rounds θ itself: relative to the way made, θ's size counts.
          const double rounding = tolerance * start.norm().item<double>() / (expected.theta - start).norm().item<double>();
          expect_same(train(*stepper, theta, velocity, 0.02), expected, start, o, 10 * tolerance + rounding);
        };
        check(make_mlp_stepper_cpu, at::kFloat, 1e-6, "cpu float32");
        check(make_mlp_stepper_aten, at::kFloat, 1e-6, "aten float32");
        check(make_mlp_stepper_aten, at::kDouble, 1e-13, "aten float64");
        check([](const Mlp& m, auto&&... rest) { return m.Model::stepper(rest...); }, at::kDouble, 1e-13, "autograd float64");
      }
    }
  }
}

}  // namespace
}  // namespace edgesweep
