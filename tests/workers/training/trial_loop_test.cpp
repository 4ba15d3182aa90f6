#include "workers/training/trial_loop.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/base/error.hpp"
#include "tests/workers/training/fakes.hpp"
#include "workers/data/philox.hpp"
#include "workers/data/sampler.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;
using edgesweep::testing::line_data;
using edgesweep::testing::line_runner;
using edgesweep::testing::line_sweep;
using edgesweep::testing::line_trial;
using edgesweep::testing::LineModel;
using edgesweep::testing::RecordingHooks;

/// The loss over all of line_data after `steps` steps of theory.md section 1, in double, written out once more.
double expected_loss(const Sweep& sweep, const Trial& trial, std::int64_t steps) {
  const TrainTest data = line_data();
  const at::Tensor x = data.train.inputs.to(at::kDouble);
  const at::Tensor y = data.train.targets.to(at::kDouble).squeeze(1);
  at::Tensor theta =
      LineModel(3).initial_parameters(initial_parameters_key(sweep.experiment, trial.seed)).to(at::kDouble);
  at::Tensor v = at::zeros({3}, at::kDouble);
  const double mu = sweep.experiment.at("optimizer").at("momentum");
  const double rho = sweep.experiment.at("optimizer").at("l2");
  const auto sampler = make_sampler(sweep.experiment.at("sampler"), random_key(trial.key), 12, trial.cell.batch);
  for (std::int64_t step = 0; step < steps; ++step) {
    at::Tensor g = at::zeros({3}, at::kDouble);
    for (const std::int64_t i : sampler->batch(step)) g += (at::dot(x[i], theta) - y[i]) * x[i];
    v = mu * v + g / static_cast<double>(trial.cell.batch) + rho * theta;
    theta = theta - trial.cell.eta * v;
  }
  return (at::mv(x, theta) - y).square().mean().item<double>() / 2;
}

TEST(TrialLoop, FollowsSgdWithMomentumAndL2) {
  for (const char* sampler : {"epoch", "iid"}) {
    Sweep sweep = line_sweep(0.05, 4, 9);
    sweep.experiment["sampler"] = sampler;
    const Trial trial = line_trial(sweep);
    RecordingHooks hooks;
    const TrialOutcome outcome = line_runner(sweep)->run(trial, std::nullopt, hooks);
    EXPECT_EQ(outcome.end, TrialEnd::done);
    EXPECT_EQ(outcome.steps, 9);
    ASSERT_EQ(hooks.records.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& record = hooks.records[i];
      const std::int64_t step = trial.record_steps[i];
      EXPECT_EQ(record[0], static_cast<double>(step));
      EXPECT_EQ(record[1], static_cast<double>(4 * step));
      EXPECT_EQ(record[2], 0.05);
      // Float32 training against float64.
      EXPECT_NEAR(record[3], expected_loss(sweep, trial, step), 1e-5);
      EXPECT_EQ(record[5], 0.05);
    }
    EXPECT_TRUE(hooks.checkpoints.empty());
    EXPECT_TRUE(hooks.parameters.empty());
  }
}

TEST(TrialLoop, IsTheSameBitForBitWhenInterruptedAtAnyStep) {
  const Sweep sweep = line_sweep(0.05, 5, 11);
  const Trial trial = line_trial(sweep);
  RecordingHooks whole;
  line_runner(sweep)->run(trial, std::nullopt, whole);
  for (std::int64_t stop = 0; stop < 11; ++stop) {
    RecordingHooks first;
    first.steps_until_stop = stop;
    const TrialOutcome half = line_runner(sweep)->run(trial, std::nullopt, first);
    EXPECT_EQ(half.end, TrialEnd::interrupted);
    EXPECT_EQ(half.steps, stop);
    ASSERT_EQ(first.checkpoints.size(), 1U);
    RecordingHooks second;
    const TrialOutcome rest = line_runner(sweep)->run(trial, first.checkpoints.at(stop), second);
    EXPECT_EQ(rest.end, TrialEnd::done);
    EXPECT_EQ(rest.steps, 11);
    EXPECT_EQ(second.records, whole.records) << stop;
  }
}

TEST(TrialLoop, IsTheSameBitForBitWhenInterruptedAtEveryStep) {
  const Sweep sweep = line_sweep(0.05, 5, 11);
  const Trial trial = line_trial(sweep);
  RecordingHooks whole;
  line_runner(sweep)->run(trial, std::nullopt, whole);
  std::optional<Bytes> checkpoint;
  for (std::int64_t step = 1; step <= 11; ++step) {
    RecordingHooks hooks;
    hooks.steps_until_stop = 1;
    const TrialOutcome outcome = line_runner(sweep)->run(trial, checkpoint, hooks);
    EXPECT_EQ(outcome.steps, step);
    if (step == 11) {
      EXPECT_EQ(outcome.end, TrialEnd::done);
      EXPECT_EQ(hooks.records, whole.records);
    } else {
      checkpoint = hooks.checkpoints.at(step);
    }
  }
}

TEST(TrialLoop, ChangesNothingByCheckpointing) {
  const Sweep sweep = line_sweep(0.05, 5, 11);
  RecordingHooks plain;
  RecordingHooks saved;
  saved.always_checkpoint = true;
  const auto runner = line_runner(sweep);
  runner->run(line_trial(sweep), std::nullopt, plain);
  runner->run(line_trial(sweep), std::nullopt, saved);
  EXPECT_EQ(plain.records, saved.records);
  EXPECT_EQ(saved.checkpoints.size(), 11U);
}

TEST(TrialLoop, StartsEveryCellOfASeedFromTheSameNetwork) {
  const auto first_loss = [](double eta, std::int64_t batch, std::int64_t seed) {
    const Sweep sweep = line_sweep(eta, batch, 5);
    RecordingHooks hooks;
    line_runner(sweep)->run(line_trial(sweep, seed), std::nullopt, hooks);
    return hooks.records[0][3];
  };
  EXPECT_EQ(first_loss(0.05, 4, 1), first_loss(0.01, 2, 1));
  EXPECT_NE(first_loss(0.05, 4, 1), first_loss(0.05, 4, 2));
}

TEST(TrialLoop, EndsADivergedTrialAtTheStepWhoseLossIsTooHigh) {
  const Sweep sweep = line_sweep(20.0, 12, 100, 0.0);
  const Trial trial = line_trial(sweep);
  // Full batch: the loss of step t is the full loss after t steps.
  std::int64_t first_high = 0;
  while (expected_loss(sweep, trial, first_high) <= 1e3) ++first_high;
  ASSERT_GT(first_high, 1);
  ASSERT_LT(first_high, 4) << "the record of step 4 would see it first";
  RecordingHooks hooks;
  const TrialOutcome outcome = line_runner(sweep)->run(trial, std::nullopt, hooks);
  EXPECT_EQ(outcome.end, TrialEnd::diverged);
  EXPECT_EQ(outcome.steps, first_high + 1);
  EXPECT_EQ(hooks.records.size(), 2U);
}

TEST(TrialLoop, KeepsTheRecordThatShowsDivergence) {
  Sweep sweep = line_sweep(5.0, 12, 100, 0.0);
  Trial trial = line_trial(sweep);
  sweep.loss_above = expected_loss(sweep, trial, 0) + 1e-3;
  trial.record_steps = {0, 1, 100};
  RecordingHooks hooks;
  const TrialOutcome outcome = line_runner(sweep)->run(trial, std::nullopt, hooks);
  EXPECT_EQ(outcome.end, TrialEnd::diverged);
  EXPECT_EQ(outcome.steps, 1);
  ASSERT_EQ(hooks.records.size(), 2U);
  EXPECT_GT(hooks.records[1][3], sweep.loss_above);
  EXPECT_TRUE(std::isfinite(hooks.records[1][4]));
}

TEST(TrialLoop, IsDoneAtTheFirstRecordWhoseLossIsBelowTheStop) {
  Sweep sweep = line_sweep(0.05, 12, 40, 0.0);
  Trial trial = line_trial(sweep);
  trial.record_steps = {0, 3, 6, 20, 40};
  RecordingHooks whole;
  line_runner(sweep)->run(trial, std::nullopt, whole);
  // Full batch: the loss falls from step to step, and is below this between the records of steps 3 and 6.
  sweep.stop_loss_below = expected_loss(sweep, trial, 4);
  sweep.keep_parameters = KeepParameters::final;
  RecordingHooks hooks;
  const TrialOutcome outcome = line_runner(sweep)->run(trial, std::nullopt, hooks);
  EXPECT_EQ(outcome.end, TrialEnd::done);
  EXPECT_EQ(outcome.steps, 6);
  ASSERT_EQ(hooks.records.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(hooks.records[i], whole.records[i]);
  EXPECT_EQ(hooks.parameters.size(), 1U);
  for (std::int64_t stop = 0; stop < 6; ++stop) {
    RecordingHooks first, second;
    first.steps_until_stop = stop;
    line_runner(sweep)->run(trial, std::nullopt, first);
    EXPECT_EQ(line_runner(sweep)->run(trial, first.checkpoints.at(stop), second).steps, 6);
    EXPECT_EQ(second.records, hooks.records) << stop;
  }
  sweep.stop_loss_below = 0.9 * expected_loss(sweep, trial, 40);
  RecordingHooks never;
  EXPECT_EQ(line_runner(sweep)->run(trial, std::nullopt, never).steps, 40);
  EXPECT_EQ(never.records, whole.records);
}

TEST(TrialLoop, TakesNoStepWhereTheFirstLossIsBelowTheStop) {
  Sweep sweep = line_sweep(0.05, 12, 40);
  sweep.stop_loss_below = 1e3;
  RecordingHooks hooks;
  const TrialOutcome outcome = line_runner(sweep)->run(line_trial(sweep), std::nullopt, hooks);
  EXPECT_EQ(outcome.end, TrialEnd::done);
  EXPECT_EQ(outcome.steps, 0);
  EXPECT_EQ(hooks.records.size(), 1U);
}

// One step of this size overflows float32: in the loss, or already in θ where a huge l2 multiplies it.
TEST(TrialLoop, LeavesWhatLostParametersOrLossWouldDefeatNaN) {
  for (const double l2 : {0.0, 1e6}) {
    Sweep sweep = line_sweep(l2 > 0 ? 3e38 : 1e30, 12, 100, 0.0);
    sweep.experiment["optimizer"]["l2"] = l2;
    sweep.loss_above = std::numeric_limits<double>::max();
    RecordingHooks hooks;
    const TrialOutcome outcome = line_runner(sweep)->run(line_trial(sweep), std::nullopt, hooks);
    EXPECT_EQ(outcome.end, TrialEnd::diverged);
    EXPECT_EQ(outcome.steps, 1);
    ASSERT_EQ(hooks.records.size(), 2U);
    EXPECT_EQ(hooks.records[1][0], 1.0);
    EXPECT_EQ(std::isinf(hooks.records[1][3]), l2 == 0.0);
    EXPECT_FALSE(std::isfinite(hooks.records[1][3]));
    EXPECT_TRUE(std::isnan(hooks.records[1][4]));
    EXPECT_TRUE(std::isnan(hooks.records[1][5]));
  }
}

TEST(TrialLoop, KeepsParametersWhenAsked) {
  Sweep sweep = line_sweep(0.05, 4, 9);
  sweep.keep_parameters = KeepParameters::final;
  RecordingHooks last;
  line_runner(sweep)->run(line_trial(sweep), std::nullopt, last);
  ASSERT_EQ(last.parameters.size(), 1U);
  EXPECT_GT(last.parameters.at(-1).size(), 0U);
  sweep.keep_parameters = KeepParameters::all;
  RecordingHooks all;
  line_runner(sweep)->run(line_trial(sweep), std::nullopt, all);
  EXPECT_EQ(all.parameters.size(), 5U);
}

TEST(TrialLoop, RefusesCheckpointsThatAreNotTheTrials) {
  const Sweep sweep = line_sweep(0.05, 4, 9);
  RecordingHooks hooks;
  hooks.steps_until_stop = 3;
  line_runner(sweep)->run(line_trial(sweep, 1), std::nullopt, hooks);
  const Bytes checkpoint = hooks.checkpoints.at(3);
  const auto reason = [&](const Trial& trial, const Sweep& of) -> std::string {
    RecordingHooks ignored;
    try {
      line_runner(of)->run(trial, checkpoint, ignored);
    } catch (const InputError& error) {
      EXPECT_TRUE(ignored.records.empty());
      return error.reason();
    }
    return "no error";
  };
  EXPECT_THAT(reason(line_trial(sweep, 2), sweep), HasSubstr("another trial"));
  Trial trial = line_trial(sweep, 1);
  trial.record_steps = {0, 9};
  EXPECT_THAT(reason(trial, sweep), HasSubstr("records do not fit"));
  Sweep narrow = sweep;
  narrow.columns.pop_back();
  EXPECT_THAT(reason(line_trial(sweep, 1), narrow), HasSubstr("another number of columns"));
}

class NeedsTooMuchMemory final : public DynamicsFactory {
 public:
  std::unique_ptr<Dynamics> make(const Trial&) override {
    const at::Tensor parameters = at::empty({std::int64_t{1} << 50}, at::kFloat);
    ADD_FAILURE() << parameters.numel() << " numbers fit";
    return nullptr;
  }
};

TEST(TrialLoop, SaysWhatDidNotFitWhenMemoryRunsOut) {
  const Sweep sweep = line_sweep(0.05, 4, 2);
  SoloTeam solo;
  TrialLoop loop(sweep, std::make_unique<NeedsTooMuchMemory>(), solo);
  RecordingHooks hooks;
  try {
    loop.run(line_trial(sweep), std::nullopt, hooks);
    FAIL() << "nothing thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("out of memory"));
    EXPECT_THAT(error.what(), HasSubstr("4503599627370496 bytes"));
    EXPECT_THAT(error.what(), HasSubstr("chunk"));
  }
}

}  // namespace
}  // namespace edgesweep
