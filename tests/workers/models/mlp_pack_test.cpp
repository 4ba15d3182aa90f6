#include "workers/models/mlp_pack.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"
#include "workers/models/mlp_stepper.hpp"

namespace edgesweep {
namespace {

using namespace testing;

constexpr std::int64_t examples = 12;

Examples examples_for(const Mlp& mlp, Loss loss, at::ScalarType type) {
  at::Tensor targets = normal({examples, mlp.outputs()}, 2);
  if (loss == Loss::cross_entropy) targets = at::softmax(targets, 1);
  if (loss == Loss::logistic) targets = targets.sign();
  return {normal({examples, mlp.settings().sizes.front()}, 1).to(type), targets.to(type), {}};
}

/// One trial: its own start, learning rate and order of the data.
struct Job {
  int seed = 0;
  double eta = 0.02;
  int steps = 6;
  int pause_at = -1;  ///< step before which it does something else for a while
};

struct Outcome {
  at::Tensor theta, velocity;
  std::vector<double> losses;
};

std::vector<std::int64_t> batch_of(const Job& job, int step, std::int64_t size) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < size; ++i) rows.push_back((5 * i + 7 * step + 3 + job.seed) % examples);
  return rows;
}

Outcome start_of(const Mlp& mlp, const Job& job, at::ScalarType type) {
  return {(mlp.initial_parameters(7).to(at::kDouble) + 0.1 * normal({mlp.parameter_count()}, 8 + static_cast<std::uint64_t>(job.seed)))
              .to(type),
          at::zeros({mlp.parameter_count()}, type),
          {}};
}

void train(Outcome& out, SgdStepper& stepper, const Job& job, std::int64_t batch_size) {
  for (int step = 0; step < job.steps; ++step) {
    if (step == job.pause_at) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    out.losses.push_back(stepper.step(batch_of(job, step, batch_size), job.eta));
  }
}

/// Each job in a thread of its own, in one pack.
std::vector<Outcome> packed(const Mlp& mlp, std::int64_t places, const std::vector<Job>& jobs, const SgdOptions& options,
                            std::int64_t batch_size, at::ScalarType type) {
  const Examples data = examples_for(mlp, options.loss, type);
  MlpPack pack(mlp, places, data);
  std::vector<Outcome> outcomes;
  for (const Job& job : jobs) outcomes.push_back(start_of(mlp, job, type));
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto stepper = pack.stepper(outcomes[i].theta, outcomes[i].velocity, options, batch_size);
      train(outcomes[i], *stepper, jobs[i], batch_size);
    });
  }
  threads.clear();
  return outcomes;
}

Outcome alone(const Mlp& mlp, const Job& job, const SgdOptions& options, std::int64_t batch_size, at::ScalarType type) {
  Outcome out = start_of(mlp, job, type);
  const auto stepper =
      make_mlp_stepper_aten(mlp, out.theta, out.velocity, examples_for(mlp, options.loss, type), options, batch_size);
  train(out, *stepper, job, batch_size);
  return out;
}

void expect_equal_to_alone(const Mlp& mlp, const SgdOptions& options, std::int64_t batch_size) {
  const std::vector<Job> jobs{{0, 0.02}, {1, 0.05}, {2, 0.001, 3}};
  const std::vector<Outcome> together = packed(mlp, 3, jobs, options, batch_size, at::kDouble);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Outcome expected = alone(mlp, jobs[i], options, batch_size, at::kDouble);
    const at::Tensor start = start_of(mlp, jobs[i], at::kDouble).theta;
    EXPECT_LT(relative_error(together[i].theta - start, expected.theta - start), 1e-11);
    if (options.momentum != 0) {
      EXPECT_LT(relative_error(together[i].velocity, expected.velocity), 1e-11);
    }
    ASSERT_EQ(together[i].losses.size(), expected.losses.size());
    for (std::size_t t = 0; t < expected.losses.size(); ++t) {
      EXPECT_NEAR(together[i].losses[t], expected.losses[t], 1e-12 * expected.losses[t]);
    }
  }
}

TEST(MlpPack, TakesTheStepsThatEachTrialTakesAlone) {
  for (const auto& settings : small_networks()) {
    SCOPED_TRACE(describe(settings));
    expect_equal_to_alone(Mlp(settings), {}, 5);
  }
}

TEST(MlpPack, DoesSoWithEveryLossAndOption) {
  const Mlp mlp({.sizes = {19, 21, 18, 3}, .activation = Activation::tanh, .init = "ntk"});
  for (const Loss loss : {Loss::mse, Loss::mse_sum, Loss::cross_entropy, Loss::logistic}) {
    for (const double momentum : {0.0, 0.9}) {
      for (const bool nesterov : {false, true}) {
        if (nesterov && momentum == 0) continue;
        SCOPED_TRACE(loss_names()[static_cast<std::size_t>(loss)] + ", momentum " + std::to_string(momentum));
        const SgdOptions options{.momentum = momentum, .l2 = 0.01, .nesterov = nesterov, .loss = loss};
        for (const std::int64_t batch_size : {1, 12}) expect_equal_to_alone(mlp, options, batch_size);
      }
    }
  }
}

TEST(MlpPack, ATrialsBitsDependOnNoOther) {
  const Mlp mlp({.sizes = {19, 40, 18, 2}});
  const Job job{.seed = 3, .eta = 0.05, .steps = 40};
  for (const SgdOptions options : {SgdOptions{}, SgdOptions{.momentum = 0.9, .l2 = 0.01}}) {
    const Outcome expected = packed(mlp, 4, {job}, options, 5, at::kFloat).front();
    Job pausing = job;
    pausing.pause_at = 11;
    const Job other{.seed = 1, .eta = 0.01, .steps = 25, .pause_at = 5}, wild{.seed = 2, .eta = 1e6, .steps = 60};
    for (const auto& jobs : {std::vector<Job>{other, job}, {wild, other, pausing}, {other, wild, other, job}}) {
      const Outcome got = packed(mlp, 4, jobs, options, 5, at::kFloat).back();
      EXPECT_TRUE(same_bits(got.theta, expected.theta));
      EXPECT_EQ(got.losses, expected.losses);
      if (options.momentum != 0) {
        EXPECT_TRUE(same_bits(got.velocity, expected.velocity));
      }
    }
  }
}

TEST(MlpPack, ATrialThatPausesKeepsItsParametersAndHoldsNobodyUp) {
  const Mlp mlp({.sizes = {19, 21, 1}});
  const Examples data = examples_for(mlp, Loss::mse, at::kFloat);
  MlpPack pack(mlp, 2, data);
  const Job job{.steps = 20};
  for (const SgdOptions options : {SgdOptions{}, SgdOptions{.momentum = 0.9}}) {
    Outcome paused = start_of(mlp, job, at::kFloat), other = start_of(mlp, job, at::kFloat);
    const auto stepper = pack.stepper(paused.theta, paused.velocity, options, 5);
    {
      std::jthread thread([&] { stepper->step(batch_of(job, 0, 5), 0.1); });
    }
    const at::Tensor theta = paused.theta.clone(), velocity = paused.velocity.clone();
    const auto others = pack.stepper(other.theta, other.velocity, options, 5);
    train(other, *others, job, 5);
    EXPECT_EQ(other.losses.size(), 20U);
    EXPECT_TRUE(same_bits(paused.theta, theta));
    EXPECT_TRUE(same_bits(paused.velocity, velocity));
  }
}

TEST(MlpPack, APlaceIsFreeAgainWithItsStepperAndItsValuesStay) {
  const Mlp mlp({.sizes = {19, 21, 1}});
  const Examples data = examples_for(mlp, Loss::mse, at::kFloat);
  MlpPack pack(mlp, 1, data);
  const Job job;
  Outcome first = start_of(mlp, job, at::kFloat), second = start_of(mlp, {.seed = 1}, at::kFloat);
  auto stepper = pack.stepper(first.theta, first.velocity, {}, 5);
  stepper->step(batch_of(job, 0, 5), 0.1);
  const at::Tensor theta = first.theta.clone();
  // With another batch size, and one more than there are places: not in its way.
  const auto elsewhere = pack.stepper(second.theta, second.velocity, {}, 3);
  Outcome third = start_of(mlp, {.seed = 2}, at::kFloat);
  const auto too_many = pack.stepper(third.theta, third.velocity, {}, 5);
  elsewhere->step(batch_of(job, 0, 3), 0.1);
  too_many->step(batch_of(job, 0, 5), 0.1);
  EXPECT_TRUE(same_bits(first.theta, theta));
  stepper.reset();
  EXPECT_TRUE(same_bits(first.theta, theta));
  Outcome fourth = start_of(mlp, {.seed = 3}, at::kFloat);
  pack.stepper(fourth.theta, fourth.velocity, {}, 5)->step(batch_of(job, 0, 5), 0.1);
  EXPECT_TRUE(same_bits(first.theta, theta)) << "its own again, not the place's";
}

TEST(MlpPack, RefusesABatchThatDoesNotFitAndGoesOn) {
  const Mlp mlp({.sizes = {19, 1}});
  MlpPack pack(mlp, 2, examples_for(mlp, Loss::mse, at::kFloat));
  Outcome out = start_of(mlp, {}, at::kFloat);
  const auto stepper = pack.stepper(out.theta, out.velocity, {}, 2);
  EXPECT_THROW(stepper->step(std::vector<std::int64_t>{1}, 0.1), InputError);
  EXPECT_THROW(stepper->step(std::vector<std::int64_t>{1, examples}, 0.1), InputError);
  EXPECT_TRUE(std::isfinite(stepper->step(std::vector<std::int64_t>{1, 2}, 0.1)));
}

TEST(MlpPack, TheModelPacksTrialsOnTheSharedExamplesOnly) {
  Mlp mlp({.sizes = {19, 21, 1}});
  const Examples data = examples_for(mlp, Loss::mse, at::kFloat), others = examples_for(mlp, Loss::mse, at::kFloat);
  mlp.pack_trials(2, data);
  const Job job;
  for (const Examples& train_on : {data, others}) {
    Outcome out = start_of(mlp, job, at::kFloat);
    const void* place = out.theta.data_ptr();
    const auto stepper = mlp.stepper(out.theta, out.velocity, train_on, {}, 5);
    EXPECT_EQ(out.theta.data_ptr() != place, train_on.inputs.is_same(data.inputs));
    train(out, *stepper, job, 5);
    const Outcome expected = alone(mlp, job, {}, 5, at::kFloat);
    EXPECT_LT(relative_error(out.theta, expected.theta), 1e-6);
  }
}

}  // namespace
}  // namespace edgesweep
