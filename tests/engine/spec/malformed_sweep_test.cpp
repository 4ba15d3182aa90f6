#include <gtest/gtest.h>

#include "engine/spec/sweep.hpp"
#include "tests/engine/spec/fake_catalog.hpp"

namespace edgesweep {
namespace {

struct Malformed {
  const char* name;
  const char* path;     ///< JSON pointer of what is replaced in the good sweep
  const char* value;    ///< JSON that replaces it; empty: it is removed
  const char* message;  ///< exactly what a person reads
};

/// What GoogleTest shows of an example.
void PrintTo(const Malformed& example, std::ostream* out) {
  *out << example.name;
}

constexpr auto good = R"({
  "name": "good", "experiment": {"train": 100},
  "grid": [{"batch": [1, 2], "eta_over_batch": {"log": [1e-3, 1], "count": 4}, "epochs": 3},
           {"batch": [50, 100], "eta": [0.1, 0.2], "steps": 40}],
  "seeds": 2, "records": {"count": 5}, "measure": {"loss": {}}
})";

// clang-format off
const Malformed malformed[] = {
    {"RootIsAList", "", "[1, 2]", "s.json: is [1,2]; must be an object"},
    {"RootIsNull", "", "null", "s.json: is null; must be an object"},
    {"UnknownRootKey", "/sedes", "3",
     "s.json: sedes: unknown key; allowed are divergence, experiment, grid, keep_parameters, measure, name, "
     "ranks_per_trial, records, seeds, stop, title"},
    {"EmptyKey", "/records/", "3", R"(s.json: records."": unknown key; allowed are count, spacing)"},
    {"KeyWithALineBreak", "/a\nb", "3",
     "s.json: \"a\\nb\": unknown key; allowed are divergence, experiment, grid, keep_parameters, measure, name, "
     "ranks_per_trial, records, seeds, stop, title"},
    {"NoName", "/name", "", "s.json: name: is missing; it has no default"},
    {"NameIsANumber", "/name", "3", "s.json: name: is 3; must be a string"},
    {"NameIsEmpty", "/name", "\"\"",
     R"(s.json: name: must be one or more of the letters A-Z and a-z, digits, ".", "_" and "-")"},
    {"NameHasASlash", "/name", "\"a/b\"",
     R"(s.json: name: must be one or more of the letters A-Z and a-z, digits, ".", "_" and "-")"},
    {"TitleHasALineBreak", "/title", R"("a\nb")", "s.json: title: must be one line without control characters"},
    {"NoExperiment", "/experiment", "", "s.json: experiment: is missing; it has no default"},
    {"ExperimentIsAList", "/experiment", "[]", "s.json: experiment: is []; must be an object"},
    {"UnknownExperimentKey", "/experiment/modle", "{}", "s.json: experiment.modle: unknown key; allowed are model, train"},
    {"UnknownModelKey", "/experiment/model", R"({"widths": 3})",
     "s.json: experiment.model.widths: unknown key; allowed are activation, init_scale"},
    {"UnknownActivation", "/experiment/model", R"({"activation": "swish9"})",
     R"(s.json: experiment.model.activation: is "swish9"; must be one of erf, tanh)"},
    {"ZeroInitScale", "/experiment/model", R"({"init_scale": 0})",
     "s.json: experiment.model.init_scale: is 0; must be a number > 0"},
    {"NoMeasure", "/measure", "", "s.json: measure: is missing; it has no default"},
    {"UnknownMeasurement", "/measure/kernelnorm", "{}", "s.json: measure.kernelnorm: unknown key; allowed are loss, spectrum"},
    {"KeyWhereNoneIsAllowed", "/measure/loss/every", "3", "s.json: measure.loss.every: unknown key; none is allowed here"},
    {"NoGrid", "/grid", "", "s.json: grid: is missing; it has no default"},
    {"EmptyGrid", "/grid", "[]", "s.json: grid: must be a list of at least one block"},
    {"GridIsAnObject", "/grid", R"({"batch": [1]})", "s.json: grid: must be a list of at least one block"},
    {"BlockIsANumber", "/grid/1", "3", "s.json: grid[1]: is 3; must be an object"},
    {"UnknownBlockKey", "/grid/0/epoch", "3",
     "s.json: grid[0].epoch: unknown key; allowed are batch, epochs, eta, eta_over_batch, samples, steps"},
    {"NoBatch", "/grid/0/batch", "", "s.json: grid[0].batch: is missing; it has no default"},
    {"BatchIsANumber", "/grid/0/batch", "4", "s.json: grid[0].batch: is 4; must be a list, each an integer >= 1"},
    {"EmptyBatchList", "/grid/0/batch", "[]", "s.json: grid[0].batch: is an empty list; at least one batch size is needed"},
    {"ZeroBatch", "/grid/0/batch/1", "0", "s.json: grid[0].batch[1]: is 0; must be an integer >= 1"},
    {"FractionalBatch", "/grid/0/batch/1", "2.5", "s.json: grid[0].batch[1]: is 2.5; must be an integer >= 1"},
    {"BatchIsAString", "/grid/0/batch/1", R"("2")", R"(s.json: grid[0].batch[1]: is "2"; must be an integer >= 1)"},
    {"BatchAboveTheExamples", "/grid/1/batch/1", "101",
     "s.json: grid[1].batch[1]: is 101; must be at most 100, the number of training examples"},
    {"HugeBatch", "/grid/1/batch/1", "18446744073709551615",
     "s.json: grid[1].batch[1]: is 18446744073709551615; must be an integer >= 1"},
    {"BatchTwiceInABlock", "/grid/0/batch", "[1, 2, 1]",
     "s.json: grid[0].batch[2]: overlapping: batch size 1 is already at grid[0].batch[0]"},
    {"BatchInTwoBlocks", "/grid/1/batch", "[50, 2]",
     "s.json: grid[1].batch[1]: overlapping: batch size 2 is already at grid[0].batch[1]"},
    {"BothLearningRates", "/grid/1/eta_over_batch", "[1]",
     R"(s.json: grid[1]: has both "eta" and "eta_over_batch"; give one of them)"},
    {"NoLearningRate", "/grid/1/eta", "", R"(s.json: grid[1]: has neither of "eta" and "eta_over_batch"; give one of them)"},
    {"BothLengths", "/grid/0/steps", "10", R"(s.json: grid[0]: has both "epochs" and "steps"; give one of them)"},
    {"NoLength", "/grid/0/epochs", "", R"(s.json: grid[0]: has none of "epochs", "samples" and "steps"; give one of them)"},
    {"TwoLengthsWithSamples", "/grid/1/samples", "10", R"(s.json: grid[1]: has both "samples" and "steps"; give one of them)"},
    {"LearningRateIsANumber", "/grid/1/eta", "0.1",
     R"(s.json: grid[1].eta: must be a list of numbers, {"log": [low, high], "count": n} or {"linear": [low, high], "count": n})"},
    {"NegativeLearningRate", "/grid/1/eta/1", "-0.5", "s.json: grid[1].eta[1]: is -0.5; must be a number > 0"},
    {"ZeroLearningRate", "/grid/1/eta/0", "0", "s.json: grid[1].eta[0]: is 0; must be a number > 0"},
    {"EmptyLearningRates", "/grid/1/eta", "[]", "s.json: grid[1].eta: is an empty list; at least one number is needed"},
    {"EqualLearningRates", "/grid/1/eta", "[0.1, 0.2, 1e-1]", "s.json: grid[1].eta: holds 0.1 twice"},
    {"RangeFromZero", "/grid/0/eta_over_batch/log/0", "0",
     "s.json: grid[0].eta_over_batch.log[0]: is 0; must be a number > 0"},
    {"RangeOfOneEnd", "/grid/0/eta_over_batch/log", "[1]",
     "s.json: grid[0].eta_over_batch.log: has 1 numbers; must be [low, high]"},
    {"RangeBackwards", "/grid/0/eta_over_batch/log", "[1, 0.5]",
     "s.json: grid[0].eta_over_batch.log: is [1.0,0.5]; low must be below high"},
    {"RangeOfEqualEnds", "/grid/0/eta_over_batch/log", "[1, 1]",
     "s.json: grid[0].eta_over_batch.log: is [1.0,1.0]; low must be below high"},
    {"OnePointOfTwoEnds", "/grid/0/eta_over_batch/count", "1",
     "s.json: grid[0].eta_over_batch.log: must be two equal numbers where count is 1"},
    {"CrowdedRange", "/grid/0/eta_over_batch", R"({"log": [1, 1.0000000001], "count": 1000})",
     "s.json: grid[0].eta_over_batch.log: has points that are too close to tell apart with 12 digits"},
    {"RangeWithoutCount", "/grid/0/eta_over_batch/count", "",
     "s.json: grid[0].eta_over_batch.count: is missing; it has no default"},
    {"RangeOfTwoKinds", "/grid/0/eta_over_batch/linear", "[1, 2]",
     R"(s.json: grid[0].eta_over_batch: has both "log" and "linear"; give one of them)"},
    {"UnknownRangeKey", "/grid/0/eta_over_batch/base", "2",
     "s.json: grid[0].eta_over_batch.base: unknown key; allowed are count, linear, log"},
    {"HugeRangeCount", "/grid/0/eta_over_batch/count", "1000000000",
     "s.json: grid[0].eta_over_batch.count: is 1000000000; must be an integer from 1 to 1000000"},
    {"OverflowingLearningRate", "/grid/0/eta_over_batch", "[1e308]",
     "s.json: grid[0].eta_over_batch: makes a learning rate that is too large for a number at batch size 2", },
    {"NegativeEpochs", "/grid/0/epochs", "-1", "s.json: grid[0].epochs: is -1; must be a number > 0"},
    {"TooFewEpochs", "/grid/0/epochs", "0.001",
     "s.json: grid[0].epochs: makes no step at batch size 1; from 1 to 1e12 steps are allowed"},
    {"TooManyEpochs", "/grid/0/epochs", "1e11",
     "s.json: grid[0].epochs: makes more than 1e12 steps at batch size 1; from 1 to 1e12 steps are allowed"},
    {"ZeroSteps", "/grid/1/steps", "0", "s.json: grid[1].steps: is 0; must be an integer from 1 to 1000000000000"},
    {"FractionalSteps", "/grid/1/steps", "7.5", "s.json: grid[1].steps: is 7.5; must be an integer from 1 to 1000000000000"},
    {"HugeSteps", "/grid/1/steps", "10000000000000000000",
     "s.json: grid[1].steps: is 10000000000000000000; must be an integer from 1 to 1000000000000"},
    {"TooManyTrials", "/grid/0/eta_over_batch/count", "300000",
     "s.json: grid[0].eta_over_batch: makes more than 1000000 trials (batch sizes x learning rates x 2 seeds)"},
    {"SeedsAreAWord", "/seeds", R"("three")", R"(s.json: seeds: is "three"; must be an integer from 1 to 1000000)"},
    {"NoSeeds", "/seeds", "0", "s.json: seeds: is 0; must be an integer from 1 to 1000000"},
    {"EmptySeeds", "/seeds", "[]", "s.json: seeds: is an empty list; at least one seed is needed"},
    {"HugeSeeds", "/seeds", "1000000000000", "s.json: seeds: is 1000000000000; must be an integer from 1 to 1000000"},
    {"EqualSeeds", "/seeds", "[3, 1, 3]", "s.json: seeds: holds 3 twice"},
    {"NegativeSeed", "/seeds", "[1, -3]", "s.json: seeds[1]: is -3; must be an integer >= 0"},
    {"SeedsAreNull", "/seeds", "null", "s.json: seeds: is null; must be an integer from 1 to 1000000"},
    {"RecordsAreANumber", "/records", "5", "s.json: records: is 5; must be an object"},
    {"OneRecord", "/records/count", "1", "s.json: records.count: is 1; must be an integer from 2 to 100000"},
    {"HugeRecords", "/records/count", "1000000000000",
     "s.json: records.count: is 1000000000000; must be an integer from 2 to 100000"},
    {"UnknownSpacing", "/records/spacing", R"("cubic")", R"(s.json: records.spacing: is "cubic"; must be one of log, linear)"},
    {"NegativeLossAbove", "/divergence", R"({"loss_above": -1})", "s.json: divergence.loss_above: is -1; must be a number > 0"},
    {"ZeroLossBelow", "/stop", R"({"loss_below": 0})", "s.json: stop.loss_below: is 0; must be a number > 0"},
    {"StopWithoutARule", "/stop", "{}", "s.json: stop.loss_below: is missing; it has no default"},
    {"UnknownStopRule", "/stop", R"({"loss_below": 1, "error_below": 1})",
     "s.json: stop.error_below: unknown key; allowed are loss_below"},
    {"UnknownKeepParameters", "/keep_parameters", R"("some")",
     R"(s.json: keep_parameters: is "some"; must be one of none, final, all)"},
    {"NoRanks", "/ranks_per_trial", "0", "s.json: ranks_per_trial: is 0; must be an integer from 1 to 100000"},
    {"LongValuesAreCut", "/seeds", R"("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")",
     "s.json: seeds: is \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...; must be an integer from 1 to 1000000"},
};
// clang-format on

class MalformedSweep : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedSweep, IsRefusedWithOneClearLine) {
  const Malformed& example = GetParam();
  Json document = Json::parse(good);
  const Json::json_pointer pointer(example.path);
  if (*example.value != '\0') {
    document[pointer] = Json::parse(example.value);
  } else {
    document[pointer.parent_pointer()].erase(pointer.back());
  }
  EXPECT_EQ(message_of([&] { parse_sweep(document.dump(), "s.json", FakeCatalog()); }), example.message);
}

INSTANTIATE_TEST_SUITE_P(Examples, MalformedSweep, testing::ValuesIn(malformed),
                         [](const auto& example) { return std::string(example.param.name); });

TEST(SmallBatches, AreRefusedWhereOnlyFullOnesAreAllowed) {
  class FullBatchCatalog final : public FakeCatalog {
    std::string full_batch_reason(const Json&) const override { return "this one takes all"; }
  };
  const std::string text = R"({"name": "s", "experiment": {}, "measure": {},
      "grid": [{"batch": [100], "eta": [1], "steps": 1}, {"batch": [4], "eta": [1], "steps": 1}]})";
  EXPECT_EQ(message_of([&] { parse_sweep(text, "s.json", FullBatchCatalog()); }),
            "s.json: grid[1].batch[0]: is 4; must be 100, the number of training examples: this one takes all");
}

TEST(AllLengths, AreRefused) {
  const auto text = R"({"name": "s", "experiment": {}, "measure": {},
      "grid": [{"batch": [1], "eta": [1], "steps": 1, "epochs": 1, "samples": 1}]})";
  EXPECT_EQ(message_of([&] { parse_sweep(text, "s.json", FakeCatalog()); }),
            R"(s.json: grid[0]: has all of "epochs", "samples" and "steps"; give one of them)");
}

TEST(TooFewSamples, AreRefused) {
  const auto text = R"({"name": "s", "experiment": {}, "measure": {},
      "grid": [{"batch": [4, 8], "eta": [1], "samples": 7}]})";
  EXPECT_EQ(message_of([&] { parse_sweep(text, "s.json", FakeCatalog()); }),
            "s.json: grid[0].samples: makes no step at batch size 8; from 1 to 1e12 steps are allowed");
}

TEST(AStopWithoutLosses, IsRefused) {
  const auto text = R"({"name": "s", "experiment": {}, "measure": {"spectrum": {}}, "stop": {"loss_below": 1e-5},
      "grid": [{"batch": [1], "eta": [1], "steps": 1}]})";
  EXPECT_EQ(message_of([&] { parse_sweep(text, "s.json", FakeCatalog()); }),
            "s.json: stop.loss_below: needs the measurement loss: it is judged by train_loss of the records");
}

TEST(GoodSweep, IsAccepted) {
  EXPECT_EQ(parse_sweep(good, "s.json", FakeCatalog()).trial_count(), 24);
}

TEST(HugeStore, IsRefused) {
  const auto text = R"({"name": "s", "experiment": {"train": 1000}, "measure": {"spectrum": {"top": 997}},
      "grid": [{"batch": [1], "eta": {"log": [1, 2], "count": 100}, "steps": 1000000}],
      "records": {"count": 100000}})";
  EXPECT_EQ(message_of([&] { parse_sweep(text, "s.json", FakeCatalog()); }),
            "s.json: needs a store of 1e+10 values (batch sizes x learning rates x seeds x records x "
            "columns); it must "
            "be below 1e10");
}

}  // namespace
}  // namespace edgesweep
