#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/workers/training/fakes.hpp"
#include "workers/data/philox.hpp"
#include "workers/data/sampler.hpp"

// Training whose learning rate and batch size change on the way.
namespace edgesweep {
namespace {

using edgesweep::testing::line_data;
using edgesweep::testing::line_sweep;
using edgesweep::testing::line_trial;
using edgesweep::testing::LineLoss;
using edgesweep::testing::LineModel;
using edgesweep::testing::RecordingHooks;

constexpr std::int64_t steps = 14;
constexpr double eta = 0.02;

std::int64_t batch_at(std::int64_t step) { return step < 7 ? 5 : 2; }
double rate_at(std::int64_t step) { return eta * (step < 4 ? 1 : step < 10 ? 2 : 1); }

Sweep changed_sweep() {
  Sweep sweep = line_sweep(eta, 5, steps);
  sweep.experiment["changes"] = Json::parse(
      R"([{"step": 4, "eta_times": 2.0}, {"step": 7, "batch": 2}, {"step": 10, "eta_times": 0.5}])");
  return sweep;
}

Trial measured_at_every_step(const Sweep& sweep) {
  Trial trial = line_trial(sweep);
  trial.record_steps.clear();
  for (std::int64_t step = 0; step <= steps; ++step) trial.record_steps.push_back(step);
  return trial;
}

/// Fills (B, η) of the phase that a record is in.
class SeenPhase final : public Measurement {
 public:
  void measure(const MeasurementContext& context, std::span<double> out) override {
    out[0] = static_cast<double>(context.batch);
    out[1] = context.eta;
  }
};

std::unique_ptr<TrialRunner> runner(const Sweep& sweep) {
  static SoloTeam alone;
  auto training = std::make_unique<NetworkTraining>(sweep, std::make_unique<LineModel>(3), line_data(), [] {
    std::vector<ActiveMeasurement> measurements;
    measurements.push_back({"loss", 1, std::make_unique<LineLoss>()});
    measurements.push_back({"seen", 2, std::make_unique<SeenPhase>()});
    return measurements;
  });
  return std::make_unique<TrialLoop>(sweep, std::move(training), alone);
}

TEST(ChangedTraining, FollowsSgdWithTheNewRatesAndBatches) {
  const Sweep sweep = changed_sweep();
  const Trial trial = measured_at_every_step(sweep);
  RecordingHooks hooks;
  EXPECT_EQ(runner(sweep)->run(trial, std::nullopt, hooks).end, TrialEnd::done);
  ASSERT_EQ(hooks.records.size(), static_cast<std::size_t>(steps) + 1);

  const TrainTest data = line_data();
  const at::Tensor x = data.train.inputs.to(at::kDouble), y = data.train.targets.to(at::kDouble).squeeze(1);
  at::Tensor theta =
      LineModel(3).initial_parameters(initial_parameters_key(sweep.experiment, trial.seed)).to(at::kDouble);
  at::Tensor v = at::zeros({3}, at::kDouble);
  std::int64_t samples = 0;
  for (std::int64_t step = 0; step <= steps; ++step) {
    const auto& record = hooks.records[static_cast<std::size_t>(step)];
    EXPECT_EQ(record[1], static_cast<double>(samples)) << step;
    EXPECT_EQ(record[2], rate_at(step)) << step;
    // Float32 training against float64.
    EXPECT_NEAR(record[3], (at::mv(x, theta) - y).square().mean().item<double>() / 2, 1e-5) << step;
    EXPECT_EQ(record[4], static_cast<double>(batch_at(step))) << step;
    EXPECT_EQ(record[5], rate_at(step)) << step;

    const std::int64_t batch = batch_at(step);
    const auto sampler = make_sampler("epoch", random_key(trial.key), 12, batch);
    at::Tensor g = at::zeros({3}, at::kDouble);
    for (const std::int64_t i : sampler->batch(step)) g += (at::dot(x[i], theta) - y[i]) * x[i];
    v = 0.9 * v + g / static_cast<double>(batch) + 0.01 * theta;
    theta = theta - rate_at(step) * v;
    samples += batch;
  }
}

TEST(ChangedTraining, IsTheSameBitForBitWhenInterruptedAtAnyStep) {
  const Sweep sweep = changed_sweep();
  const Trial trial = measured_at_every_step(sweep);
  RecordingHooks whole;
  runner(sweep)->run(trial, std::nullopt, whole);
  for (std::int64_t stop = 0; stop < steps; ++stop) {
    RecordingHooks first, second;
    first.steps_until_stop = stop;
    EXPECT_EQ(runner(sweep)->run(trial, std::nullopt, first).end, TrialEnd::interrupted);
    runner(sweep)->run(trial, first.checkpoints.at(stop), second);
    EXPECT_EQ(second.records, whole.records) << stop;
  }
}

TEST(ChangedTraining, IsTheUnchangedOneBeforeTheFirstChange) {
  const Sweep changed = changed_sweep(), plain = line_sweep(eta, 5, steps);
  RecordingHooks one, other;
  runner(changed)->run(measured_at_every_step(changed), std::nullopt, one);
  runner(plain)->run(measured_at_every_step(plain), std::nullopt, other);
  for (std::size_t step = 0; step <= 4; ++step) EXPECT_EQ(one.records[step][3], other.records[step][3]) << step;
  EXPECT_NE(one.records[5][3], other.records[5][3]);
}

}  // namespace
}  // namespace edgesweep
