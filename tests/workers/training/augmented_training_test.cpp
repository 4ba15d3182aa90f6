#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/spec/catalog.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/training/fakes.hpp"
#include "workers/data/augment.hpp"
#include "workers/data/philox.hpp"
#include "workers/data/sampler.hpp"
#include "workers/workers.hpp"

// Training on augmented images, measured on plain ones.
namespace edgesweep {
namespace {

using edgesweep::testing::RecordingHooks;
using edgesweep::testing::TemporaryFolder;

constexpr std::int64_t steps = 23;

Sweep small_sweep(const Json& augment, std::int64_t batch) {
  Json sweep = Json::parse(R"({"name": "tiny", "seeds": 1, "records": {"count": 4, "spacing": "linear"}, "measure": {"loss": {}},
    "experiment": {"dataset": {"name": "mnist", "train": 40, "test": 10, "preprocess": "standardize_channels"},
                   "model": {"name": "mlp", "hidden": [8], "activation": "tanh"}, "optimizer": {"momentum": 0.5}}})");
  sweep["grid"] = {{{"batch", {batch}}, {"eta", {0.05}}, {"steps", steps}}};
  if (!augment.is_null()) sweep["experiment"]["dataset"]["augment"] = augment;
  return parse_sweep(sweep.dump(), "sweep.json", *make_catalog());
}

std::vector<std::vector<double>> records_of(const Sweep& sweep, const std::string& folder) {
  RecordingHooks hooks;
  const auto runner = make_runner(sweep, {.data = {folder}, .device = "cpu"});
  EXPECT_EQ(runner->run(make_trial(sweep, 0), std::nullopt, hooks).end, TrialEnd::done);
  return hooks.records;
}

/// train_loss after `count` steps, in float64 with batches moved one by one.
double expected_loss(const Sweep& sweep, const Trial& trial, const std::string& folder, std::int64_t count) {
  const Json& dataset = sweep.experiment.at("dataset");
  const TrainTest data = dataset_family("mnist").load(dataset, folder);
  const auto model = model_family("mlp").make(sweep.experiment.at("model"), {1, 28, 28}, 1);
  const std::uint64_t key = random_key(trial.key);
  const auto sampler = make_sampler("epoch", key, 40, trial.cell.batch);
  AugmentedBatch augmented({3, true}, {1, 28, 28}, data.train, key, trial.cell.batch);
  at::Tensor theta = model->initial_parameters(initial_parameters_key(sweep.experiment, trial.seed)).to(at::kDouble);
  at::Tensor velocity = at::zeros_like(theta);
  for (std::int64_t step = 0; step < count; ++step) {
    augmented.draw(step, sampler->batch(step));
    const Examples& batch = augmented.examples();
    velocity = 0.5 * velocity +
               model->gradient(theta, batch.inputs.to(at::kDouble), batch.targets.to(at::kDouble), Loss::mse);
    theta = theta - trial.cell.eta * velocity;
  }
  const at::Tensor residual = model->forward(theta, data.train.inputs.to(at::kDouble)) - data.train.targets;
  return residual.square().mean().item<double>() / 2;
}

TEST(AugmentedTraining, StepsOnMovedImagesAndMeasuresPlainOnes) {
  const TemporaryFolder folder;
  edgesweep::testing::write_made_up_mnist(folder.path(), 40, 10);
  for (const std::int64_t batch : {1, 5, 40}) {
    const Sweep sweep = small_sweep({{"crop", 3}, {"flip", true}}, batch);
    const Trial trial = make_trial(sweep, 0);
    const auto records = records_of(sweep, folder.path());
    ASSERT_EQ(records.size(), trial.record_steps.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      // Float32 training against float64.
      const double expected = expected_loss(sweep, trial, folder.path(), trial.record_steps[i]);
      EXPECT_NEAR(records[i][3], expected, 1e-4 * expected) << batch << ' ' << i;
    }
  }
}

TEST(AugmentedTraining, IsTheSameBitForBitEachTimeAndWhenInterruptedAtAnyStep) {
  const TemporaryFolder folder;
  edgesweep::testing::write_made_up_mnist(folder.path(), 40, 10);
  const Sweep sweep = small_sweep({{"crop", 3}, {"flip", true}}, 4);
  const auto whole = records_of(sweep, folder.path());
  EXPECT_EQ(records_of(sweep, folder.path()), whole);
  const Trial trial = make_trial(sweep, 0);
  for (std::int64_t stop = 0; stop < steps; ++stop) {
    RecordingHooks first, second;
    first.steps_until_stop = stop;
    make_runner(sweep, {.data = {folder.path()}, .device = "cpu"})->run(trial, std::nullopt, first);
    make_runner(sweep, {.data = {folder.path()}, .device = "cpu"})->run(trial, first.checkpoints.at(stop), second);
    EXPECT_EQ(second.records, whole) << stop;
  }
}

TEST(AugmentedTraining, ChangesNothingWhereItIsOff) {
  const TemporaryFolder folder;
  edgesweep::testing::write_made_up_mnist(folder.path(), 40, 10);
  const Sweep plain = small_sweep(Json(), 4), off = small_sweep({{"crop", 0}, {"flip", false}}, 4);
  EXPECT_EQ(make_trial(plain, 0).key, make_trial(off, 0).key);
  EXPECT_EQ(records_of(plain, folder.path()), records_of(off, folder.path()));
  EXPECT_NE(make_trial(plain, 0).key, make_trial(small_sweep({{"flip", true}}, 4), 0).key);
}

}  // namespace
}  // namespace edgesweep
