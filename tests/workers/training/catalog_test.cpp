#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.hpp"
#include "engine/spec/catalog.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/training/fakes.hpp"
#include "workers/data/dataset.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;
using edgesweep::testing::RecordingHooks;

Json minimal_experiment() {
  return Json::parse(R"({"dataset": {"name": "mnist", "train": 40, "test": 10},
                         "model": {"name": "mlp", "hidden": [8], "activation": "tanh"}})");
}

Json canonical(const Json& experiment) {
  return make_catalog()->experiment(ObjectReader(experiment, "sweep.json", "experiment"));
}

std::string error_of(const std::string& path, const Json& value) {
  Json experiment = minimal_experiment();
  experiment[Json::json_pointer(path)] = value;
  try {
    canonical(experiment);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RegistryCatalog, WritesOutTheDefaultsOfAnExperiment) {
  const Json experiment = canonical(minimal_experiment());
  EXPECT_EQ(experiment.at("loss"), "mse");
  EXPECT_EQ(experiment.at("optimizer"), Json::parse(R"({"momentum": 0.0, "l2": 0.0})"));
  EXPECT_EQ(experiment.at("schedule"), Json::parse(R"({"name": "constant"})"));
  EXPECT_EQ(experiment.at("sampler"), "epoch");
  EXPECT_EQ(experiment.at("dataset").at("target"), "parity");
  EXPECT_EQ(experiment.at("model").at("name"), "mlp");
  EXPECT_EQ(canonical(experiment), experiment);
  EXPECT_EQ(make_catalog()->train_examples(experiment), 40);
}

TEST(RegistryCatalog, RefusesImpossibleExperimentsWithTheirPath) {
  EXPECT_THAT(error_of("/dataset/name", "emnist"), HasSubstr("experiment.dataset.name"));
  EXPECT_THAT(error_of("/model/name", "transformer"), HasSubstr("mlp"));
  EXPECT_THAT(error_of("/loss", "hinge"), HasSubstr("experiment.loss"));
  EXPECT_THAT(error_of("/optimizer", {{"momentum", 1.0}}), HasSubstr("experiment.optimizer.momentum"));
  EXPECT_THAT(error_of("/optimizer", {{"momentum", -0.1}}), HasSubstr("experiment.optimizer.momentum"));
  EXPECT_THAT(error_of("/optimizer", {{"l2", -1}}), HasSubstr("experiment.optimizer.l2"));
  EXPECT_THAT(error_of("/optimizer", {{"nesterov", 1}}), HasSubstr("experiment.optimizer.nesterov"));
  EXPECT_THAT(error_of("/schedule", {{"name", "stairs"}}), HasSubstr("experiment.schedule.name"));
  EXPECT_THAT(error_of("/loss", "cross_entropy"), HasSubstr("one-hot targets"));
  EXPECT_THAT(error_of("/sampler", "sorted"), HasSubstr("experiment.sampler"));
  EXPECT_THAT(error_of("/augment", true), HasSubstr("augment"));
}

// Sweeps without them keep their digests and trial keys.
TEST(RegistryCatalog, WritesChangesOnlyWhereThereAreSome) {
  EXPECT_FALSE(canonical(minimal_experiment()).contains("changes"));
  Json changed = minimal_experiment();
  changed["changes"] = Json::parse(R"([{"step": 10, "batch": 40}])");
  const Json once = canonical(changed);
  EXPECT_EQ(once.at("changes"), changed["changes"]);
  EXPECT_EQ(canonical(once), once);
  EXPECT_THAT(error_of("/changes", Json::parse(R"([{"step": 10, "batch": 41}])")), HasSubstr("changes[0].batch"));
  changed["fork"] = {{"step", 1}, {"batch", 1}, {"eta", 1.0}, {"steps", 2}, {"seed", 0}, {"key", std::string(64, 'a')}};
  try {
    canonical(changed);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("experiment.changes: is there with fork; only one of them is allowed"));
  }
}

TEST(RegistryCatalog, CombinesTheColumnsOfTheMeasurementsLossFirst) {
  const auto catalog = make_catalog();
  const Json experiment = canonical(minimal_experiment());
  const Json settings = Json::parse(R"({"hessian": {}, "kernel_norm": {}, "loss": {}})");
  const Json measure = catalog->measure(ObjectReader(settings, "sweep.json", "measure"), experiment);
  EXPECT_EQ(measure.size(), 3U);
  std::vector<std::string> expected;
  for (const char* name : {"loss", "hessian", "kernel_norm"}) {
    for (const Column& column : measurement_family(name).columns(measure.at(name), experiment)) expected.push_back(column.name);
  }
  std::vector<std::string> found;
  for (const Column& column : catalog->columns(experiment, measure)) found.push_back(column.name);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(found.front(), "train_loss");
  const Json unknown = Json::parse(R"({"los": {}})");
  EXPECT_THROW(catalog->measure(ObjectReader(unknown, "sweep.json", "measure"), experiment), InputError);
}

TEST(RegistryCatalog, PredictsCostsThatGrowWithTheWork) {
  const auto catalog = make_catalog();
  const Json experiment = canonical(minimal_experiment());
  const Json loss = {{"loss", Json::object()}};
  const PredictedCost small = catalog->predicted_cost(experiment, Json::object(), 1);
  const PredictedCost large = catalog->predicted_cost(experiment, loss, 32);
  EXPECT_GT(small.seconds_per_step, 0);
  EXPECT_EQ(small.seconds_per_record, 0);
  EXPECT_GT(large.seconds_per_step, small.seconds_per_step);
  EXPECT_GT(large.seconds_per_record, 0);
}

TEST(MakeRunner, TrainsAndMeasuresWhatTheSweepSays) {
  const edgesweep::testing::TemporaryFolder folder;
  edgesweep::testing::write_made_up_mnist(folder.path(), 40, 10);
  const auto catalog = make_catalog();
  const std::string text = R"({"name": "tiny", "experiment": )" + minimal_experiment().dump() + R"(,
    "grid": [{"batch": [4], "eta": [0.05], "steps": 30}], "seeds": 1, "records": {"count": 4, "spacing": "linear"},
    "measure": {"loss": {}, "kernel_norm": {}, "hessian": {}}})";
  const Sweep sweep = parse_sweep(text, "sweep.json", *catalog);
  check_data(sweep.experiment, {folder.path()});
  const auto runner = make_runner(sweep, {.data = {folder.path()}, .device = "cpu"});
  const Trial trial = make_trial(sweep, 0);
  RecordingHooks whole;
  EXPECT_EQ(runner->run(trial, std::nullopt, whole).end, TrialEnd::done);
  ASSERT_EQ(whole.records.size(), trial.record_steps.size());
  EXPECT_LT(whole.records.back()[3], whole.records.front()[3]);
  RecordingHooks first;
  first.steps_until_stop = 17;
  EXPECT_EQ(runner->run(trial, std::nullopt, first).end, TrialEnd::interrupted);
  RecordingHooks second;
  runner->run(trial, first.checkpoints.at(17), second);
  EXPECT_EQ(second.records, whole.records);
}

TEST(MakeRunner, NamesWhatIsMissing) {
  Sweep sweep;
  sweep.experiment = canonical(minimal_experiment());
  EXPECT_THROW(check_data(sweep.experiment, {"/nonexistent"}), InputError);
  EXPECT_THROW(make_runner(sweep, {.data = {"/nonexistent"}, .device = "cpu"}), InputError);
  EXPECT_THROW(make_runner(sweep, {.data = {"/nonexistent"}, .device = "tpu"}), InputError);
}

TEST(Registries, ListKnownNamesWhenOneIsUnknown) {
  EXPECT_THAT(model_names(), ::testing::Contains("mlp"));
  EXPECT_EQ(measurement_names().front(), "loss");
  try {
    model_family("transformer");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.reason(), HasSubstr("mlp"));
  }
  EXPECT_THROW(measurement_family("sharp"), InputError);
}

}  // namespace
}  // namespace edgesweep
