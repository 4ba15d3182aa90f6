#include "engine/spec/sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/digest.hpp"
#include "tests/engine/spec/fake_catalog.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;

Sweep parsed(const std::string& text) {
  return parse_sweep(text, "s.json", FakeCatalog());
}

/// The smallest sweep with `grid`, and `more` keys.
std::string with_grid(const std::string& grid, const std::string& more = "") {
  return R"({"name": "s", "experiment": {}, "measure": {"loss": {}}, "grid": )" + grid + more + "}";
}

TEST(Sweep, DefaultsAreWrittenOutInTheCanonicalForm) {
  const Sweep sweep = parsed(with_grid(R"([{"batch": [4, 2], "eta": [1, 0.5], "steps": 10.0}])"));
  EXPECT_EQ(
      sweep.text,
      R"({"divergence":{"loss_above":1000.0},)"
      R"("experiment":{"model":{"activation":"erf","init_scale":1.0},"train":100},)"
      R"("grid":[{"batch":[2,4],"eta":[0.5,1.0],"steps":10}],"keep_parameters":"none","measure":{"loss":{}},)"
      R"("name":"s","ranks_per_trial":1,"records":{"count":60,"spacing":"log"},"seeds":1,"title":"s"})");
  EXPECT_EQ(sweep.text, sweep.canonical.dump());
  EXPECT_EQ(sweep.digest, sha256_hex(sweep.text));
  EXPECT_EQ(sweep.name, "s");
  EXPECT_EQ(sweep.title, "s");
  EXPECT_EQ(sweep.train_examples, 100);
  EXPECT_EQ(sweep.records.count, 60);
  EXPECT_EQ(sweep.records.spacing, "log");
  EXPECT_EQ(sweep.loss_above, 1e3);
  EXPECT_EQ(sweep.ranks_per_trial, 1);
  EXPECT_EQ(sweep.keep_parameters, KeepParameters::none);
}

TEST(Sweep, TheCanonicalFormIsAFixedPoint) {
  const Sweep sweep = parsed(with_grid(
      R"([{"batch": [2, 1], "eta_over_batch": {"log": [1e-4, 1], "count": 5}, "epochs": 3},
          {"batch": [100], "eta": [3, 1e-3], "steps": 7}])",
      R"(, "seeds": [7, 3], "records": {"spacing": "linear"}, "keep_parameters": "all", "title": "η over B")"));
  const Sweep again = parsed(sweep.text);
  EXPECT_EQ(again.text, sweep.text);
  EXPECT_EQ(again.digest, sweep.digest);
  EXPECT_EQ(first_difference(sweep.canonical, again.canonical), "");
}

TEST(Sweep, EqualSweepsWrittenDifferentlyHaveOneDigest) {
  const Sweep one = parsed(with_grid(R"([{"batch": [1, 2], "eta": [0.1, 1], "epochs": 3},
                                        {"batch": [4], "eta": [2], "steps": 5}])",
                                     R"(, "seeds": 3)"));
  const Sweep two = parsed(with_grid(R"([{"steps": 5.0, "batch": [4], "eta": [2.0]},
                                        {"epochs": 3.0, "eta": [1.0, 1e-1], "batch": [2.0, 1]}])",
                                     R"(, "seeds": [2, 0, 1], "title": "s")"));
  EXPECT_EQ(one.text, two.text);
  EXPECT_EQ(one.digest, two.digest);
}

TEST(Sweep, CellsComeByBatchThenByLearningRate) {
  const Sweep sweep = parsed(with_grid(R"([{"batch": [50, 10], "eta": [0.3, 0.1, 0.2], "steps": 10},
                                          {"batch": [20], "eta_over_batch": [0.5, 0.25], "steps": 4}])"));
  EXPECT_THAT(sweep.batches, ElementsAre(10, 20, 50));
  EXPECT_EQ(sweep.points, 3);
  ASSERT_EQ(sweep.cells.size(), 8U);
  const auto is = [](const Cell& cell, std::int64_t batch_index, std::int64_t point, std::int64_t batch,
                     double eta, std::int64_t steps) {
    return cell.batch_index == batch_index && cell.point == point && cell.batch == batch && cell.eta == eta &&
           cell.steps == steps;
  };
  EXPECT_TRUE(is(sweep.cells[0], 0, 0, 10, 0.1, 10));
  EXPECT_TRUE(is(sweep.cells[2], 0, 2, 10, 0.3, 10));
  EXPECT_TRUE(is(sweep.cells[3], 1, 0, 20, 5.0, 4));
  EXPECT_TRUE(is(sweep.cells[4], 1, 1, 20, 10.0, 4));
  EXPECT_TRUE(is(sweep.cells[7], 2, 2, 50, 0.3, 10));
}

// theory.md section 1: batches have exactly B distinct examples, so an epoch is floor(D/B) steps.
TEST(Sweep, EpochsCountOnlyFullBatches) {
  const Sweep sweep = parsed(with_grid(R"([{"batch": [1, 3, 30, 60, 100], "eta": [1], "epochs": 2.5}])"));
  std::vector<std::int64_t> steps;
  for (const Cell& cell : sweep.cells) {
    steps.push_back(cell.steps);
  }
  EXPECT_THAT(steps, ElementsAre(250, 83, 8, 3, 3));  // of 100 examples: 2.5 × (100, 33, 3, 1, 1), rounded
}

TEST(Sweep, SamplesAreSeenInFullBatches) {
  const Sweep sweep = parsed(with_grid(R"([{"batch": [1, 3, 60, 100], "eta": [1], "samples": 250.0}])"));
  std::vector<std::int64_t> steps;
  for (const Cell& cell : sweep.cells) {
    steps.push_back(cell.steps);
  }
  EXPECT_THAT(steps, ElementsAre(250, 83, 4, 2));
  EXPECT_EQ(sweep.canonical.at("grid").dump(), R"([{"batch":[1,3,60,100],"eta":[1.0],"samples":250}])");
  EXPECT_EQ(parsed(sweep.text).text, sweep.text);
}

// Sweeps without a rule keep their digests: see DefaultsAreWrittenOutInTheCanonicalForm.
TEST(Sweep, AStopRuleIsInTheCanonicalFormButNotInTheTrialKeys) {
  const std::string grid = R"([{"batch": [1], "eta": [1], "steps": 10}])";
  const Sweep plain = parsed(with_grid(grid)), stopped = parsed(with_grid(grid, R"(, "stop": {"loss_below": 1e-5})"));
  EXPECT_FALSE(plain.stop_loss_below);
  EXPECT_EQ(stopped.stop_loss_below, 1e-5);
  EXPECT_EQ(stopped.canonical.at("stop").dump(), R"({"loss_below":1e-05})");
  EXPECT_EQ(parsed(stopped.text).text, stopped.text);
  EXPECT_NE(stopped.digest, plain.digest);
  EXPECT_EQ(make_trial(stopped, 0).key, make_trial(plain, 0).key);
}

TEST(Sweep, LogRangesKeepTheirEndsAndReadableInnerPoints) {
  const Sweep sweep =
      parsed(with_grid(R"([{"batch": [1], "eta": {"log": [1e-4, 1e-1], "count": 7}, "steps": 1}])"));
  std::vector<double> etas;
  for (const Cell& cell : sweep.cells) {
    etas.push_back(cell.eta);
  }
  EXPECT_THAT(etas,
              ElementsAre(1e-4, 3.16227766017e-4, 1e-3, 3.16227766017e-3, 1e-2, 3.16227766017e-2, 1e-1));
}

TEST(Sweep, LinearRangesKeepTheirEndsAndReadableInnerPoints) {
  const Sweep sweep =
      parsed(with_grid(R"([{"batch": [1], "eta": {"linear": [0.1, 0.7], "count": 7}, "steps": 1}])"));
  std::vector<double> etas;
  for (const Cell& cell : sweep.cells) {
    etas.push_back(cell.eta);
  }
  EXPECT_THAT(etas, ElementsAre(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7));
}

TEST(Sweep, ARangeOfOnePointIsAllowed) {
  const Sweep sweep =
      parsed(with_grid(R"([{"batch": [1], "eta": {"log": [0.3, 0.3], "count": 1}, "steps": 1}])"));
  ASSERT_EQ(sweep.cells.size(), 1U);
  EXPECT_EQ(sweep.cells[0].eta, 0.3);
}

TEST(Sweep, EqualLearningRatesPerExampleAreEqualAcrossBatchesOfPowersOfTwo) {
  const Sweep sweep = parsed(with_grid(
      R"([{"batch": [1, 8, 64], "eta_over_batch": {"log": [1e-4, 3e-2], "count": 11}, "steps": 1}])"));
  for (const Cell& cell : sweep.cells) {
    EXPECT_EQ(cell.eta / static_cast<double>(cell.batch),
              sweep.cells[static_cast<std::size_t>(cell.point)].eta);
  }
}

TEST(Sweep, ColumnsBeginWithStepSamplesAndLearningRate) {
  const Sweep sweep = parsed(R"({"name": "s", "experiment": {}, "measure": {"spectrum": {}, "loss": {}},
                                 "grid": [{"batch": [1], "eta": [1], "steps": 1}]})");
  std::vector<std::string> names;
  for (const Column& column : sweep.columns) {
    names.push_back(column.name);
  }
  EXPECT_THAT(names, ElementsAre("step", "samples", "learning_rate", "train_loss", "spectrum"));
  EXPECT_EQ(sweep.columns.back().width, 3);
}

TEST(Sweep, TrialsAreCellMajorThenBySeed) {
  const Sweep sweep =
      parsed(with_grid(R"([{"batch": [1, 2], "eta": [0.1, 0.2], "steps": 5}])", R"(, "seeds": [9, 4])"));
  EXPECT_EQ(sweep.trial_count(), 8);
  for (std::int64_t index = 0; index < 8; ++index) {
    const Trial trial = make_trial(sweep, index);
    EXPECT_EQ(trial.index, index);
    EXPECT_EQ(trial.cell.batch_index * 2 + trial.cell.point, index / 2);
    EXPECT_EQ(trial.seed_index, index % 2);
    EXPECT_EQ(trial.seed, index % 2 == 0 ? 4 : 9);
    EXPECT_THAT(trial.record_steps, ElementsAre(0, 1, 2, 3, 4, 5));
  }
  EXPECT_THROW(make_trial(sweep, 8), std::out_of_range);
}

// A changed key changes the random numbers of every trial and orphans checkpoints. Golden value: sha256sum of
// {"batch":2,"eta":0.5,"experiment":{"model":{"activation":"erf","init_scale":1.0},"train":100},
//  "schema":"edgesweep-trial-1","seed":5,"steps":7} on one line without spaces.
TEST(Sweep, TheTrialKeyNeverChanges) {
  const Sweep sweep = parsed(with_grid(R"([{"batch": [2], "eta": [0.5], "steps": 7}])", R"(, "seeds": [5])"));
  EXPECT_EQ(make_trial(sweep, 0).key, "4215cd596f33b08f26d6e709305551f976f76d3b9e4dd0a9b645695ab469c041");
}

TEST(Sweep, TheTrialKeyDoesNotDependOnTheRestOfTheSweep) {
  const Sweep small = parsed(with_grid(R"([{"batch": [2], "eta": [0.5], "steps": 7}])"));
  const Sweep large = parsed(R"({"name": "other", "experiment": {"train": 100}, "measure": {}, "seeds": 3,
      "grid": [{"batch": [1, 2], "eta_over_batch": [0.25, 0.125], "steps": 7}], "records": {"count": 3}})");
  EXPECT_EQ(make_trial(large, 9).cell.eta, 0.5);
  EXPECT_EQ(make_trial(small, 0).key, make_trial(large, 9).key);
  EXPECT_NE(make_trial(small, 0).key, make_trial(large, 10).key);
}

TEST(FirstDifference, NamesThePathAndBothValues) {
  const auto differ = [](const char* mine, const char* theirs) {
    return first_difference(Json::parse(mine), Json::parse(theirs));
  };
  EXPECT_EQ(differ(R"({"a": [1, {"b": "x"}]})", R"({"a": [1, {"b": "x"}]})"), "");
  EXPECT_EQ(differ(R"({"a": [1, {"b": "x"}]})", R"({"a": [1, {"b": "y"}]})"),
            R"(a[1].b is "x" here, "y" there)");
  EXPECT_EQ(differ(R"({"a": {"b": 1}})", R"({"a": {"b": 1, "c": 2}})"), "a.c is absent here, 2 there");
  EXPECT_EQ(differ(R"({"a": [1, 2]})", R"({"a": [1]})"), "a[1] is 2 here, absent there");
  EXPECT_EQ(differ(R"({"a": []})", R"({"a": {}})"), "a is [] here, {} there");
  EXPECT_EQ(differ("1", "2"), "the sweep is 1 here, 2 there");
}

}  // namespace
}  // namespace edgesweep
