#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/spec/override.hpp"
#include "engine/spec/sweep.hpp"
#include "tests/engine/spec/fake_catalog.hpp"

namespace edgesweep {
namespace {

/// `document` after one override.
std::string after(const std::string& document, const std::string& override_text) {
  Json json = Json::parse(document);
  apply_override(json, override_text);
  return json.dump();
}

std::string refusal(const std::string& document, const std::string& override_text) {
  return message_of([&] { after(document, override_text); });
}

TEST(Override, ReplacesValuesInObjectsAndLists) {
  EXPECT_EQ(after(R"({"a": {"b": [1, {"c": 2}]}})", "a.b[1].c=3"), R"({"a":{"b":[1,{"c":3}]}})");
  EXPECT_EQ(after(R"({"a": [[1, 2]]})", "a[0][1]=5"), R"({"a":[[1,5]]})");
  EXPECT_EQ(after(R"({"a": [[1, {"b": 2}]]})", "a.0.1.b=5"), R"({"a":[[1,{"b":5}]]})");
}

TEST(Override, TakesJsonAndElseAString) {
  EXPECT_EQ(after("{}", "a=[1, 2.5]"), R"({"a":[1,2.5]})");
  EXPECT_EQ(after("{}", "a=tanh"), R"({"a":"tanh"})");
  EXPECT_EQ(after("{}", "a="), R"({"a":""})");
  EXPECT_EQ(after("{}", "a=b=c"), R"({"a":"b=c"})");
}

TEST(Override, MakesAbsentObjects) {
  EXPECT_EQ(after("{}", "records.count=3"), R"({"records":{"count":3}})");
}

TEST(Override, RefusesPathsThatLeadNowhere) {
  const std::string form = "is not of the form path=value, with a path such as grid[0].epochs";
  EXPECT_EQ(refusal("{}", "seeds"), "--set: \"seeds\": " + form);
  EXPECT_EQ(refusal("{}", "=3"), "--set: \"=3\": " + form);
  EXPECT_EQ(refusal("{}", "a..b=3"), "--set: \"a..b=3\": " + form);
  EXPECT_EQ(refusal("{}", "a.=3"), "--set: \"a.=3\": " + form);
  EXPECT_EQ(refusal("{}", ".a=3"), "--set: \".a=3\": " + form);
  EXPECT_EQ(refusal(R"({"a": [{}]})", "a[0]b=3"), "--set: \"a[0]b=3\": " + form);
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", "a[2]=3"), R"(--set: "a[2]=3": a has 2 elements, counted from 0)");
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", "a.2=3"), R"(--set: "a.2=3": a has 2 elements, counted from 0)");
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", "a[x]=3"), R"(--set: "a[x]=3": has no whole number in [ ])");
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", "a[]=3"), R"(--set: "a[]=3": has no whole number in [ ])");
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", "a[1=3"), R"(--set: "a[1=3": has no whole number in [ ])");
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", "a.b=3"), R"(--set: "a.b=3": a is a list, not an object)");
  EXPECT_EQ(refusal(R"({"a": {"b": 1}})", "a.b.c=3"),
            R"(--set: "a.b.c=3": a.b is a plain value, not an object)");
  EXPECT_EQ(refusal(R"({"a": {"b": 1}})", "a[0]=3"), R"(--set: "a[0]=3": a is not a list)");
  EXPECT_EQ(refusal("[1]", "a=3"), R"(--set: "a=3": the sweep is a list, not an object)");
}

TEST(Override, RefusesBytesThatJsonCannotHold) {
  EXPECT_EQ(refusal("{}", "a=\xff"), "--set: \"a=\\ufffd\": the value is not UTF-8 text");
}

class LoadSweep : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("edgesweep-load-" + std::to_string(getpid()) + ".json");
    std::ofstream(path_) << R"({"name": "s", "experiment": {}, "measure": {},
                                "grid": [{"batch": [1, 2], "eta": [0.1], "epochs": 1}]})";
  }
  void TearDown() override { std::filesystem::remove(path_); }

  Sweep load(const std::vector<std::string>& overrides) {
    return load_sweep(path_.string(), overrides, FakeCatalog());
  }

  std::filesystem::path path_;
};

TEST_F(LoadSweep, OverridesComeInOrderBeforeValidation) {
  const Sweep sweep =
      load({"seeds=3", "grid[0].eta=[0.5, 0.25]", "experiment.model.activation=tanh", "seeds=2"});
  EXPECT_EQ(sweep.trial_count(), 8);
  EXPECT_EQ(sweep.experiment["model"]["activation"], "tanh");
  EXPECT_NE(sweep.digest, load({}).digest);
}

TEST_F(LoadSweep, AnOverrideIsAsStrictAsTheFile) {
  EXPECT_EQ(message_of([&] { load({"experiment.model.depth=3"}); }),
            path_.string() + ": experiment.model.depth: unknown key; allowed are activation, init_scale");
}

TEST_F(LoadSweep, AMissingFileIsNamed) {
  EXPECT_EQ(message_of([] { load_sweep("/nowhere.json", {}, FakeCatalog()); }),
            "/nowhere.json: can't be opened: No such file or directory");
}

/// Takes every experiment and measurement as it is: the grids of real sweep files can be read without the
/// workers.
class AnyCatalog : public FakeCatalog {
 public:
  Json experiment(ObjectReader reader) const override { return {{"dataset", reader.raw("dataset")}}; }
  std::int64_t train_examples(const Json& experiment) const override {
    return experiment["dataset"]["train"];
  }
  Json measure(ObjectReader, const Json&) const override { return Json::object(); }
};

// theory.md section 7: 480 epochs at B up to 32, a grid constant in η/B; above, constant steps and a grid
// constant in η.
TEST(SweepsFolder, ThePapersMnistSweepHasTwoGridBlocks) {
  const Sweep sweep = load_sweep(EDGESWEEP_SOURCE_DIR "/sweeps/mnist.json", {}, AnyCatalog());
  EXPECT_EQ(sweep.name, "mnist");
  EXPECT_EQ(sweep.train_examples, 2500);
  EXPECT_EQ(sweep.trial_count(), 12 * 13 * 3);
  for (const Cell& cell : sweep.cells) {
    const bool small = cell.batch <= 32;
    EXPECT_EQ(cell.steps, small ? 480 * (2500 / cell.batch) : 37500);
    const Cell& reference = sweep.cells[static_cast<std::size_t>(small ? cell.point : 6 * 13 + cell.point)];
    EXPECT_EQ(small ? cell.eta / static_cast<double>(cell.batch) : cell.eta, reference.eta);
  }
}

TEST(SweepsFolder, TheDemosSweepReachesFromOneExampleToAll) {
  const Sweep sweep = load_sweep(EDGESWEEP_SOURCE_DIR "/sweeps/mnist-small.json", {}, AnyCatalog());
  EXPECT_EQ(sweep.batches.front(), 1);
  EXPECT_EQ(sweep.batches.back(), sweep.train_examples);
  EXPECT_GE(sweep.batches.size(), 6U);
  EXPECT_GE(sweep.points, 10);
}

}  // namespace
}  // namespace edgesweep
