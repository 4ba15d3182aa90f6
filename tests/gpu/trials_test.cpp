// Whole trials: the records are the CPU's to the rounding of float32, and the same bits each time and after an interruption.
#include <cmath>
#include <string>
#include <vector>

#include "tests/gpu/gpu_test.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/training/fakes.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

using namespace testing;

constexpr std::int64_t steps = 7;

struct Experiment {
  const char* name;
  const char* experiment;
  const char* measure;
  std::int64_t batch;
};

const char* const all_curvatures = R"({"loss": {}, "hessian": {"top": 2, "trace_probes": 3, "alignment": true, "tolerance": 1e-5},
  "hessian_density": {"steps": 6}, "gauss_newton": {"trace_probes": 3, "tolerance": 1e-5}, "kernel_trace": {}, "distance": {},
  "batch_sharpness": {"draws": 40, "tolerance": 0}, "minibatch_sharpness": {"draws": 5, "tolerance": 0}, "gni": {"draws": 40, "tolerance": 0}})";

const std::vector<Experiment> experiments = {
    {"mlp", R"({"dataset": {"name": "mnist", "train": 30, "test": 10, "target": "parity", "preprocess": "zca"},
      "model": {"name": "mlp", "hidden": [12, 8], "activation": "erf"}, "optimizer": {"momentum": 0.5, "l2": 0.001}})",
     R"({"loss": {}, "hessian": {}, "kernel_norm": {"full": true}, "distance": {}})", 4},
    {"mlp_classes", R"({"dataset": {"name": "mnist", "train": 30, "test": 10, "target": "onehot"},
      "model": {"name": "mlp", "hidden": [12], "activation": "tanh"}, "loss": "cross_entropy", "schedule": {"name": "cosine"}})",
     all_curvatures, 4},
    {"gradient_flow", R"({"dataset": {"name": "mnist", "train": 30, "test": 10}, "model": {"name": "mlp", "hidden": [8], "activation": "tanh"},
      "optimizer": {"name": "gradient_flow"}})", R"({"loss": {}, "hessian": {}})", 30},
    {"cnn_augmented", R"({"dataset": {"name": "mnist", "train": 30, "test": 10, "target": "onehot", "augment": {"crop": 3, "flip": true}},
      "model": {"name": "cnn", "layers": 2, "activation": "tanh", "pool": "average"},
      "optimizer": {"momentum": 0.9, "nesterov": true}})", all_curvatures, 4},
    {"resnet", R"({"dataset": {"name": "mnist", "train": 30, "test": 10, "target": "onehot"},
      "model": {"name": "resnet", "depth": 8, "norm": "layer", "activation": "gelu"}, "loss": "mse_sum",
      "changes": [{"step": 3, "batch": 2, "eta_times": 0.5}]})",
     R"({"loss": {}, "hessian": {"tolerance": 1e-5}, "kernel_norm": {"examples": 6}, "kernel_trace": {"method": "signs"},
      "batch_sharpness": {"draws": 20, "tolerance": 0}})", 4},
    {"resnet_batch_norm", R"({"dataset": {"name": "mnist", "train": 30, "test": 10, "target": "onehot"},
      "model": {"name": "resnet", "depth": 8, "norm": "batch", "activation": "gelu"}})",
     R"({"loss": {}, "hessian": {"tolerance": 1e-5}, "batch_sharpness": {"draws": 20, "tolerance": 0}})", 6},
    {"matrix", R"({"dataset": {"name": "unit_vectors", "targets": [1, 2, 2, 4]}, "model": {"name": "matrix_completion"}})",
     R"({"loss": {}, "hessian": {"top": 2}, "minibatch_sharpness": {}, "batch_sharpness": {}})", 2},
    {"two_classes", R"({"dataset": {"name": "unit_vectors", "targets": [1, -1]}, "model": {"name": "diagonal_linear"}})",
     R"({"loss": {}, "hessian": {"top": 2}, "batch_sharpness": {}})", 1},
    {"linear", R"({"name": "linear", "dataset": {"name": "flat", "examples": 20, "parameters": 24}, "optimizer": {"momentum": 0.5}, "replicas": 30})",
     R"({"loss": {}, "expected_loss": {}, "kernel_norm": {"full": true}, "stability": {}, "edges": {}})", 4},
    {"quadratic", R"({"name": "quadratic", "dataset": {"examples": 12, "parameters": 14}, "curvature": {"name": "flat", "variance": 0.1},
      "replicas": 32, "replicas_per_curvature": 8})",
     R"({"loss": {}, "derivatives": {"top": 3}, "eigenvalues": {"top": 3, "replicas": 8}, "kernel_norm": {"replicas": 4}})", 4},
};

class TrialsOnGpu : public OnGpu<::testing::TestWithParam<Experiment>> {
 protected:
  void SetUp() override {
    OnGpu::SetUp();
    if (IsSkipped()) return;
    write_made_up_mnist(folder_.path(), 30, 10);
    Json file = {{"name", "tiny"}, {"records", {{"count", 4}, {"spacing", "linear"}}}};
    file["experiment"] = Json::parse(GetParam().experiment);
    file["measure"] = Json::parse(GetParam().measure);
    file["grid"] = {{{"batch", {GetParam().batch}}, {"eta", {0.01}}, {"steps", steps}}};
    sweep_ = parse_sweep(file.dump(), "s.json", *make_catalog());
  }

  std::unique_ptr<TrialRunner> runner(const std::string& device) const {
    return make_runner(sweep_, {.data = {folder_.path()}, .device = device});
  }

  std::vector<std::vector<double>> records(const std::string& device) const {
    RecordingHooks hooks;
    EXPECT_EQ(runner(device)->run(make_trial(sweep_, 0), std::nullopt, hooks).end, TrialEnd::done);
    return hooks.records;
  }

  const TemporaryFolder folder_;
  Sweep sweep_;
};

/// How iterations went, not what they found.
bool of_the_way(const std::string& column) {
  return column.ends_with("matvecs") || column.ends_with("residual") || column.ends_with("_sem");
}

TEST_P(TrialsOnGpu, HaveTheRecordsOfTheCpu) {
  const auto here = records("cpu"), there = records("cuda");
  ASSERT_EQ(here.size(), there.size());
  for (std::size_t r = 0; r < here.size(); ++r) {
    std::size_t at = 0;
    for (const Column& column : sweep_.columns) {
      // A vector, of eigenvalues or nodes, as a whole.
      double apart = 0, size = 0;
      for (std::int64_t k = 0; k < column.width; ++k, ++at) {
        EXPECT_EQ(std::isfinite(here[r][at]), std::isfinite(there[r][at])) << column.name << " at record " << r;
        if (!std::isfinite(here[r][at])) continue;
        apart = std::max(apart, std::abs(here[r][at] - there[r][at]));
        size = std::max(size, std::abs(here[r][at]));
      }
      if (of_the_way(column.name)) continue;
      EXPECT_LE(apart, 2e-3 * size) << column.name << " at record " << r << ": " << here[r][at - 1] << ' ' << there[r][at - 1];
    }
  }
}

TEST_P(TrialsOnGpu, AreTheSameBitForBitEachTimeAndAfterAnInterruption) {
  const auto whole = records("cuda");
  EXPECT_EQ(records("cuda").back(), whole.back());
  const Trial trial = make_trial(sweep_, 0);
  for (const std::int64_t stop : {std::int64_t{0}, std::int64_t{3}, steps - 1}) {
    RecordingHooks first, second;
    first.steps_until_stop = stop;
    EXPECT_EQ(runner("cuda")->run(trial, std::nullopt, first).end, TrialEnd::interrupted);
    runner("cuda")->run(trial, first.checkpoints.at(stop), second);
    ASSERT_EQ(second.records.size(), whole.size());
    for (std::size_t r = 0; r < whole.size(); ++r) {
      for (std::size_t k = 0; k < whole[r].size(); ++k) {
        EXPECT_TRUE(second.records[r][k] == whole[r][k] || (std::isnan(second.records[r][k]) && std::isnan(whole[r][k])))
            << "record " << r << ", value " << k << ", stopped at " << stop << ": " << second.records[r][k] << ' ' << whole[r][k];
      }
    }
  }
}

/// Several trials at a time in one process, as under `run --pack`.
class PackedTrialsOnGpu : public OnGpu<::testing::Test> {
 protected:
  void SetUp() override {
    OnGpu::SetUp();
    if (IsSkipped()) return;
    write_made_up_mnist(folder_.path(), 30, 10);
    sweep_ = parse_sweep(R"({"name": "tiny", "records": {"count": 4, "spacing": "linear"},
      "experiment": {"dataset": {"name": "mnist", "train": 30, "test": 10, "target": "onehot"},
        "model": {"name": "mlp", "hidden": [12, 8], "activation": "tanh"}, "optimizer": {"momentum": 0.5}},
      "measure": {"loss": {}, "hessian": {}, "distance": {}},
      "grid": [{"batch": [4], "eta": [0.005, 0.01, 0.02, 0.04, 1e7], "steps": 40}]})", "s.json", *make_catalog());
  }

  /// Of all trials, by so many threads of one runner.
  std::vector<std::vector<std::vector<double>>> records(std::int64_t trials, int threads) const {
    const auto runner = make_runner(sweep_, {.data = {folder_.path()}, .device = "cuda", .trials = trials});
    return records_of_all(sweep_, *runner, threads);
  }

  const TemporaryFolder folder_;
  Sweep sweep_;
};

TEST_F(PackedTrialsOnGpu, HaveTheRecordsOfTrialsByThemselvesAndTheSameBitsInAnyCompany) {
  const auto single = records(1, 1), together = records(3, 3), lonely = records(3, 1);
  for (std::size_t trial = 0; trial < single.size(); ++trial) {
    ASSERT_EQ(together[trial].size(), single[trial].size());
    for (std::size_t r = 0; r < single[trial].size(); ++r) {
      std::size_t at = 0;
      for (const Column& column : sweep_.columns) {
        const double got = together[trial][r][at], expected = single[trial][r][at], same = lonely[trial][r][at];
        at += static_cast<std::size_t>(column.width);
        EXPECT_TRUE(got == same || (std::isnan(got) && std::isnan(same))) << column.name << " at record " << r;
        if (of_the_way(column.name) || !(std::abs(expected) < 1e3)) continue;
        EXPECT_NEAR(got, expected, 1e-4 * std::abs(expected)) << column.name << " at record " << r;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, TrialsOnGpu, ::testing::ValuesIn(experiments), [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace edgesweep
