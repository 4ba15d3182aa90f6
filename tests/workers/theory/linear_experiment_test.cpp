#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/spec/sweep.hpp"
#include "workers/experiment.hpp"

namespace edgesweep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json sweep_file() {
  return {{"name", "linear"},
          {"experiment", {{"name", "linear"}, {"dataset", {{"name", "flat"}, {"examples", 12}}}}},
          {"grid", {{{"batch", {1, 3, 12}}, {"eta", {0.1}}, {"steps", 20}}}},
          {"measure",
           {{"loss", Json::object()},
            {"expected_loss", Json::object()},
            {"kernel_norm", Json::object()},
            {"stability", Json::object()},
            {"edges", Json::object()}}}};
}

Sweep parse(const Json& file) { return parse_sweep(file.dump(), "linear.json", *make_catalog()); }

std::string complaint(const Json& file) {
  try {
    parse(file);
  } catch (const InputError& error) {
    return error.subject() + ": " + error.reason();
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

std::unique_ptr<DynamicsFactory> prepared(const Sweep& sweep) {
  static SoloTeam alone;
  return experiment_family(sweep.experiment).prepare(sweep, {}, at::kCPU, alone);
}

std::vector<double> measured(Dynamics& dynamics, const Sweep& sweep, std::int64_t step) {
  std::vector<double> record(sweep.columns.size() - 3, -12345);
  EXPECT_TRUE(dynamics.measure(step, record));
  return record;
}

TEST(LinearExperiment, WritesEveryDefaultOut) {
  const Sweep sweep = parse(sweep_file());
  EXPECT_EQ(sweep.experiment, Json::parse(R"({"name": "linear",
      "dataset": {"name": "flat", "examples": 12, "parameters": 12, "seed": 0},
      "optimizer": {"momentum": 0.0, "l2": 0.0}, "sampler": "iid", "replicas": 100})"));
  EXPECT_EQ(sweep.measure.at("kernel_norm"), Json::parse(R"({"full": true})"));
  EXPECT_EQ(sweep.train_examples, 12);
  EXPECT_EQ(parse(sweep.canonical).text, sweep.text);
  Json file = sweep_file();
  file["experiment"]["dataset"] = {{"name", "dispersed"}, {"examples", 30}};
  EXPECT_EQ(parse(file).experiment.at("dataset"),
            Json::parse(R"({"name": "dispersed", "examples": 30, "exponent": 1.5, "trace": 30.0, "seed": 0})"));
}

TEST(LinearExperiment, FillsTheColumnsThatItDeclares) {
  const Sweep sweep = parse(sweep_file());
  std::vector<std::string> names;
  for (const Column& column : sweep.columns) names.push_back(column.name);
  EXPECT_THAT(names,
              ElementsAre("step", "samples", "learning_rate", "train_loss", "train_loss_sem", "expected_loss", "K",
                          "K_full", "K_block", "K_hd", "K_tr", "ntk_lambda_max", "ntk_trace", "T_lambda_max",
                          "A_plus_N_lambda_max", "eta_star_T", "eta_star_A_plus_N", "eta_star_K", "eta_star_K_full",
                          "eta_star_K_hd", "eta_star_K_tr"));
  const auto factory = prepared(sweep);
  for (std::int64_t index = 0; index < sweep.trial_count(); ++index) {
    const Trial trial = make_trial(sweep, index);
    const auto dynamics = factory->make(trial);
    dynamics->start();
    const std::vector<double> record = measured(*dynamics, sweep, 0);
    EXPECT_NEAR(record[0], record[2], 1e-14);  // all runs start from the targets
    const bool full_batch = trial.cell.batch == 12;
    EXPECT_EQ(std::isnan(record.back()), full_batch);
    for (const double value : record) EXPECT_NE(value, -12345);
  }
}

TEST(LinearExperiment, LeavesOutWhatIsNotMeasured) {
  for (const char* kept : {"loss", "expected_loss", "kernel_norm", "stability", "edges"}) {
    Json file = sweep_file();
    file["measure"] = {{kept, Json::object()}};
    const Sweep sweep = parse(file);
    const Trial trial = make_trial(sweep, 0);
    const auto factory = prepared(sweep);
    const auto dynamics = factory->make(trial);
    dynamics->start();
    EXPECT_TRUE(std::isfinite(dynamics->advance(0)));
    for (const double value : measured(*dynamics, sweep, 1)) EXPECT_NE(value, -12345) << kept;
  }
}

TEST(LinearExperiment, GoesOnFromACheckpointWithTheSameBits) {
  Json file = sweep_file();
  file["experiment"]["optimizer"] = {{"momentum", 0.7}, {"l2", 0.01}};
  const Sweep sweep = parse(file);
  const Trial trial = make_trial(sweep, 1);
  const auto factory = prepared(sweep);
  const auto whole = factory->make(trial);
  whole->start();
  for (int step = 0; step < 8; ++step) whole->advance(step);
  const auto again = factory->make(trial);
  again->restore(whole->state());
  for (int step = 8; step < 16; ++step) {
    EXPECT_EQ(whole->advance(step), again->advance(step));
  }
  EXPECT_EQ(measured(*whole, sweep, 16), measured(*again, sweep, 16));
  EXPECT_THROW(again->restore({}), InputError);
}

TEST(LinearExperiment, DoesNotDependOnWhichTrialComesFirst) {
  const Sweep sweep = parse(sweep_file());
  const Trial first = make_trial(sweep, 0);
  const Trial second = make_trial(sweep, 1);
  const auto one = prepared(sweep);
  const auto other = prepared(sweep);
  const auto alone = one->make(second);
  alone->start();
  const auto before = other->make(first);
  before->start();
  measured(*before, sweep, 0);
  const auto after = other->make(second);
  after->start();
  EXPECT_EQ(measured(*alone, sweep, 0), measured(*after, sweep, 0));
}

TEST(LinearExperiment, RefusesWhatItCannotRun) {
  const auto with = [](const char* path, const Json& value) {
    Json file = sweep_file();
    file[Json::json_pointer(path)] = value;
    return complaint(file);
  };
  EXPECT_THAT(with("/experiment/dataset/name", "round"), HasSubstr("linear.json: experiment.dataset.name"));
  EXPECT_THAT(with("/experiment/dataset/examples", 0), HasSubstr("experiment.dataset.examples"));
  EXPECT_THAT(with("/experiment/dataset/spread", 1.0), HasSubstr("experiment.dataset.spread"));
  EXPECT_THAT(with("/experiment/dataset/parameters", 2000000), HasSubstr("experiment.dataset.parameters"));
  EXPECT_THAT(with("/experiment/optimizer", {{"momentum", 1.0}}), HasSubstr("experiment.optimizer.momentum"));
  EXPECT_THAT(with("/experiment/replicas", 0), HasSubstr("experiment.replicas"));
  EXPECT_THAT(with("/experiment/model", Json::object()), HasSubstr("experiment.model"));
  EXPECT_THAT(with("/measure/hessian", Json::object()), HasSubstr("measure.hessian"));
  EXPECT_THAT(with("/measure/kernel_norm", {{"full", 1}}), HasSubstr("measure.kernel_norm.full"));
  EXPECT_THAT(with("/keep_parameters", "final"), HasSubstr("keep_parameters"));
}

}  // namespace
}  // namespace edgesweep
