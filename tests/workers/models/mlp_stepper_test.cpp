#include "workers/models/mlp_stepper.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

using Factory = decltype(&make_mlp_stepper_cpu);

struct Kind {
  const char* name;
  Factory make;
  at::ScalarType type;
  double tolerance;  ///< rounding of the type over a few steps
};

const std::vector<Kind> kinds{{"cpu float32", make_mlp_stepper_cpu, at::kFloat, 3e-6},
                              {"aten float32", make_mlp_stepper_aten, at::kFloat, 3e-6},
                              {"aten float64", make_mlp_stepper_aten, at::kDouble, 1e-12}};

constexpr std::int64_t examples = 12;

Examples examples_for(const Mlp& mlp, at::ScalarType type) {
  return {normal({examples, mlp.settings().sizes.front()}, 1).to(type),
          normal({examples, mlp.outputs()}, 2).to(type),
          {}};
}

std::vector<std::int64_t> batch_at(int step, std::int64_t size) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < size; ++i)
    rows.push_back((5 * i + 7 * step + 3) % examples);  // distinct: gcd(5, 12) = 1
  return rows;
}

struct Outcome {
  at::Tensor theta, velocity;
  std::vector<double> losses;
};

/// PyTorch's SGD, v ← μ v + g + ρ θ, θ ← θ − η v, with autograd's gradients in float64.
Outcome reference(const Mlp& mlp, const SgdOptions& options, std::int64_t batch_size, int steps, double eta) {
  const Examples data = examples_for(mlp, at::kDouble);
  Outcome out{parameters_of(mlp), at::zeros({mlp.parameter_count()}, at::kDouble), {}};
  for (int t = 0; t < steps; ++t) {
    const at::Tensor rows = at::tensor(batch_at(t, batch_size), at::kLong);
    const at::Tensor x = data.inputs.index_select(0, rows), y = data.targets.index_select(0, rows);
    out.losses.push_back(mse(mlp, out.theta, x, y).item<double>());
    const at::Tensor g = autograd_gradient(mlp, out.theta, x, y);
    out.velocity = options.momentum * out.velocity + g + options.l2 * out.theta;
    out.theta = out.theta - eta * out.velocity;
  }
  return out;
}

Outcome train(const Kind& kind, const Mlp& mlp, const SgdOptions& options, std::int64_t batch_size, int steps,
              double eta) {
  Outcome out{parameters_of(mlp).to(kind.type), at::zeros({mlp.parameter_count()}, kind.type), {}};
  const auto stepper =
      kind.make(mlp, out.theta, out.velocity, examples_for(mlp, kind.type), options, batch_size);
  for (int t = 0; t < steps; ++t) out.losses.push_back(stepper->step(batch_at(t, batch_size), eta));
  return out;
}

void expect_same_training(const Mlp& mlp, const SgdOptions& options, std::int64_t batch_size, int steps,
                          double eta) {
  const Outcome expected = reference(mlp, options, batch_size, steps, eta);
  const at::Tensor start = parameters_of(mlp);
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(std::string(kind.name) + ", B = " + std::to_string(batch_size));
    const Outcome got = train(kind, mlp, options, batch_size, steps, eta);
    // The way made, not only the place: a wrong small step must not hide behind large parameters.
    const double rounding =
        kind.tolerance * start.norm().item<double>() / (expected.theta - start).norm().item<double>();
    EXPECT_LT(relative_error(got.theta.to(at::kDouble) - start, expected.theta - start),
              kind.tolerance + rounding);
    if (options.momentum != 0) {
      EXPECT_LT(relative_error(got.velocity, expected.velocity), 3 * kind.tolerance);
    }
    for (int t = 0; t < steps; ++t) {
      EXPECT_NEAR(got.losses[t], expected.losses[t], 10 * kind.tolerance * expected.losses[t]);
    }
  }
}

TEST(MlpStepper, TakesAutogradsStepForEveryNetwork) {
  for (const auto& settings : small_networks()) {
    SCOPED_TRACE(describe(settings));
    const Mlp mlp(settings);
    for (const std::int64_t batch_size : {1, 2, 7, 12}) expect_same_training(mlp, {}, batch_size, 1, 0.05);
  }
}

TEST(MlpStepper, FollowsPyTorchsSgdWithMomentumAndL2OverManySteps) {
  const Mlp mlp({.sizes = {19, 21, 18, 3}, .activation = Activation::tanh});
  const Mlp scalar({.sizes = {19, 21, 18, 1}, .init = "ntk"});
  for (const SgdOptions options :
       {SgdOptions{0, 0}, SgdOptions{0.9, 0}, SgdOptions{0, 0.01}, SgdOptions{0.9, 0.01}}) {
    SCOPED_TRACE("momentum " + std::to_string(options.momentum) + ", l2 " + std::to_string(options.l2));
    for (const std::int64_t batch_size : {1, 5}) {
      // Stable with momentum too: in a diverging run rounding errors would grow.
      expect_same_training(mlp, options, batch_size, 30, 2e-3);
      expect_same_training(scalar, options, batch_size, 30, 2e-3);
    }
  }
}

TEST(MlpStepper, KeepsAnL2StepThatIsTinyBesideOne) {
  // η ρ = 1e-7 rounds to one unit in the last place of 1 in float32: 1 − ηρ would decay by 1.2e-7 instead.
  const Mlp mlp({.sizes = {19, 1}, .bias = false});
  const SgdOptions options{0, 1e-3};
  at::Tensor theta = at::full({19}, 1e-3, at::kFloat), velocity = at::zeros({19}, at::kFloat);
  const Examples data{at::zeros({examples, 19}, at::kFloat), at::zeros({examples, 1}, at::kFloat), {}};
  const auto stepper = make_mlp_stepper_cpu(mlp, theta, velocity, data, options, 2);
  stepper->step(batch_at(0, 2), 1e-4);
  EXPECT_TRUE(same_bits(velocity, at::full({19}, 1e-3f, at::kFloat) * 1e-3f));
}

TEST(MlpStepper, AStepDependsOnNothingButItsInputs) {
  const Mlp mlp({.sizes = {19, 21, 18, 1}});
  for (const std::int64_t batch_size : {1, 5, 12}) {
    for (const SgdOptions options : {SgdOptions{0, 0}, SgdOptions{0.9, 0.01}}) {
      const Outcome whole = train(kinds[0], mlp, options, batch_size, 10, 0.05);
      // The same in two halves, by new steppers, from copies that start 4 bytes off.
      const Examples data = examples_for(mlp, at::kFloat);
      const std::int64_t count = mlp.parameter_count();
      at::Tensor theta = at::empty({count + 1}, at::kFloat).slice(0, 1);
      at::Tensor velocity = at::zeros({count + 3}, at::kFloat).slice(0, 3);
      theta.copy_(parameters_of(mlp));
      std::vector<double> losses;
      for (int half = 0; half < 2; ++half) {
        const auto stepper = make_mlp_stepper_cpu(mlp, theta, velocity, data, options, batch_size);
        for (int t = 5 * half; t < 5 * half + 5; ++t)
          losses.push_back(stepper->step(batch_at(t, batch_size), 0.05));
      }
      EXPECT_TRUE(same_bits(theta, whole.theta));
      EXPECT_EQ(losses, whole.losses);
    }
  }
}

TEST(MlpStepper, DivergenceShowsInTheLoss) {
  const Mlp mlp({.sizes = {19, 21, 1}, .activation = Activation::relu});
  for (const Kind& kind : kinds) {
    const Outcome out = train(kind, mlp, {}, 5, 2000, 1e6);
    EXPECT_FALSE(std::isfinite(out.losses.back()));
  }
}

TEST(MlpStepper, RefusesABatchThatDoesNotFit) {
  const Mlp mlp({.sizes = {19, 1}});
  for (const Kind& kind : kinds) {
    at::Tensor theta = parameters_of(mlp).to(kind.type), velocity = at::zeros_like(theta);
    const auto stepper = kind.make(mlp, theta, velocity, examples_for(mlp, kind.type), {}, 2);
    EXPECT_THROW(stepper->step(std::vector<std::int64_t>{1}, 0.1), InputError);
    EXPECT_THROW(stepper->step(std::vector<std::int64_t>{1, examples}, 0.1), InputError);
    EXPECT_THROW(stepper->step(std::vector<std::int64_t>{-1, 1}, 0.1), InputError);
  }
}

TEST(MlpStepper, ModelPicksTheFastOneForFloat32OnTheCpu) {
  const Mlp mlp({.sizes = {19, 21, 1}});
  for (const Kind& kind : {kinds[0], kinds[2]}) {
    const Outcome direct = train(kind, mlp, {0.9, 0}, 5, 5, 0.05);
    at::Tensor theta = parameters_of(mlp).to(kind.type), velocity = at::zeros_like(theta);
    const auto stepper = mlp.stepper(theta, velocity, examples_for(mlp, kind.type), {0.9, 0}, 5);
    for (int t = 0; t < 5; ++t) stepper->step(batch_at(t, 5), 0.05);
    EXPECT_TRUE(same_bits(theta, direct.theta));
  }
}

}  // namespace
}  // namespace edgesweep
