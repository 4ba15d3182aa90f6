// Trials in threads of one process whose steps are taken together, as on a GPU under `run --pack`; here on the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/training/fakes.hpp"
#include "workers/experiment.hpp"
#include "workers/training/trial_loop.hpp"

namespace edgesweep {
namespace {

using namespace testing;

using Records = std::vector<std::vector<double>>;

struct PackedTraining : ::testing::Test {
  PackedTraining() {
    write_made_up_mnist(folder.path(), 60, 10);
    sweep = parse_sweep(R"({"name": "tiny", "records": {"count": 4, "spacing": "linear"},
      "experiment": {"dataset": {"name": "mnist", "train": 60, "test": 10, "target": "onehot"},
        "model": {"name": "mlp", "hidden": [12, 8], "activation": "tanh"}, "loss": "cross_entropy",
        "optimizer": {"momentum": 0.5, "l2": 0.001}},
      "measure": {"loss": {}, "hessian": {}, "distance": {}},
      "grid": [{"batch": [4, 6], "eta": [0.01, 0.02, 0.05, 1e7], "steps": 40}]})",
                        "s.json", *make_catalog());
  }

  /// With steps taken together if there are places.
  TrialLoop loop(std::int64_t places) {
    auto factory = experiment_family(sweep.experiment).prepare(sweep, {folder.path()}, at::kCPU, solo);
    if (places > 0) factory->pack_trials(places);
    return {sweep, std::move(factory), solo};
  }

  std::vector<Records> records(TrialLoop trials, int threads) const { return records_of_all(sweep, trials, threads); }

  const TemporaryFolder folder;
  Sweep sweep;
  SoloTeam solo;
};

bool equal(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void expect_same_bits(const Records& got, const Records& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t r = 0; r < got.size(); ++r) {
    for (std::size_t k = 0; k < got[r].size(); ++k) {
      EXPECT_TRUE(equal(got[r][k], expected[r][k])) << "record " << r << ", value " << k << ": " << got[r][k] << ' ' << expected[r][k];
    }
  }
}

TEST_F(PackedTraining, GivesTheRecordsOfTrialsByThemselves) {
  const std::vector<Records> together = records(loop(3), 3), single = records(loop(0), 1);
  for (std::size_t trial = 0; trial < single.size(); ++trial) {
    SCOPED_TRACE("trial " + std::to_string(trial));
    ASSERT_EQ(together[trial].size(), single[trial].size());
    for (std::size_t r = 0; r < single[trial].size(); ++r) {
      std::size_t at = 0;
      for (const Column& column : sweep.columns) {
        const double got = together[trial][r][at], expected = single[trial][r][at];
        at += static_cast<std::size_t>(column.width);
        if (column.name.ends_with("matvecs") || column.name.ends_with("residual")) continue;  // how iterations went
        if (std::abs(expected) > 1e3) continue;  // it is diverging
        EXPECT_TRUE(std::abs(got - expected) <= 1e-4 * std::abs(expected) || (std::isnan(got) && std::isnan(expected)))
            << column.name << " at record " << r << ": " << got << ' ' << expected;
      }
    }
  }
}

TEST_F(PackedTraining, GivesTheSameBitsWithAnyNumberOfThreadsAndAfterAnInterruption) {
  const std::vector<Records> expected = records(loop(3), 1);
  for (const int threads : {2, 3}) {
    const std::vector<Records> got = records(loop(3), threads);
    for (std::size_t trial = 0; trial < expected.size(); ++trial) expect_same_bits(got[trial], expected[trial]);
  }
  const Trial trial = make_trial(sweep, 1);
  for (const std::int64_t stop : {0, 17, 39}) {
    RecordingHooks first, second;
    first.steps_until_stop = stop;
    EXPECT_EQ(loop(3).run(trial, std::nullopt, first).end, TrialEnd::interrupted);
    loop(3).run(trial, first.checkpoints.at(stop), second);
    expect_same_bits(second.records, expected[1]);
  }
}

TEST_F(PackedTraining, ThreadsThatShareALoopButNoStepsGiveTheBitsOfOne) {
  const std::vector<Records> expected = records(loop(0), 1), got = records(loop(0), 3);
  for (std::size_t trial = 0; trial < expected.size(); ++trial) expect_same_bits(got[trial], expected[trial]);
}

}  // namespace
}  // namespace edgesweep
