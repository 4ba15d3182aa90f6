#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "workers/data/sampler.hpp"
#include "workers/experiment.hpp"
#include "workers/theory/linear_dynamics.hpp"
#include "workers/training/optimizer.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t kMaxReplicas = 1'000'000;
constexpr std::int64_t kMaxResiduals = 250'000'000;  // of all replicas: 2 GB

/// SGD on a linear model: docs/theory.md, docs/sweep-file.md.
class LinearExperiment final : public ExperimentFamily {
 public:
  Json canonical(ObjectReader& reader) const override {
    Json canonical;
    canonical["dataset"] = canonical_linear_data(reader.object("dataset"));
    canonical["optimizer"] = canonical_optimizer(reader.object("optimizer", true));
    canonical["sampler"] = reader.choice("sampler", sampler_names(), "iid");
    const std::int64_t replicas = reader.integer("replicas", 1, kMaxReplicas, 100);
    if (replicas > kMaxResiduals / train_examples(canonical)) {
      reader.fail("replicas", "times the " + std::to_string(train_examples(canonical)) + " examples is more than " +
                                  std::to_string(kMaxResiduals) + " residuals");
    }
    canonical["replicas"] = replicas;
    reader.finish();
    return canonical;
  }

  std::int64_t train_examples(const Json& experiment) const override { return experiment.at("dataset").at("examples"); }

  Json measure(ObjectReader reader, const Json&) const override {
    Json canonical = Json::object();
    for (const char* name : {"loss", "expected_loss"}) {
      if (!reader.has(name)) continue;
      reader.object(name).finish();
      canonical[name] = Json::object();
    }
    read_linear_constants(reader, canonical);
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json& measure) const override {
    std::vector<Column> columns;
    if (measure.contains("loss")) {
      columns.push_back({"train_loss", "1", "mean squared residual / 2, mean over simulated runs of SGD"});
      columns.push_back({"train_loss_sem", "1", "standard error of train_loss over the runs"});
    }
    if (measure.contains("expected_loss")) {
      columns.push_back({"expected_loss", "1", "expected mean squared residual / 2, exact for the iid sampler"});
    }
    for (Column& column : linear_constant_columns(measure)) columns.push_back(std::move(column));
    return columns;
  }

  // Products at what one core does in float64. The constants of a trial count as if they were spread over ten records; edges
  // are found once a batch size.
  PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t batch) const override {
    constexpr double flops_per_second = 2e10;
    const auto n = static_cast<double>(train_examples(experiment));
    const auto replicas = experiment.at("replicas").get<double>();
    const double square_product = 2 * n * n * n / flops_per_second;
    const bool plain = experiment.at("optimizer").at("momentum") == 0.0 && experiment.at("optimizer").at("l2") == 0.0;
    PredictedCost cost;
    cost.seconds_per_step = 2e-5;
    if (measure.contains("expected_loss")) cost.seconds_per_step += 2 * square_product + (plain ? 4e-9 : 2e-8) * n * n;
    if (measure.contains("loss")) {
      const double rows = std::min(static_cast<double>(batch), 8.0);
      cost.seconds_per_step += replicas * (1e-7 + 1e-8 * static_cast<double>(batch) + 3e-9 * n + 1e-9 * n * rows);
    }
    double products = 0;
    if (measure.contains("kernel_norm")) products += 40;
    if (measure.contains("stability")) products += 400;
    if (measure.contains("edges")) products += 1000;
    if (!plain && measure.contains("stability")) products += 25 * 27;
    cost.seconds_per_record = products / 10 * square_product;
    return cost;
  }

  std::string check_data(const Json& experiment, const DataSource& source) const override {
    if (experiment.at("dataset").at("name") == "file") load(experiment, source);
    return {};
  }

  std::unique_ptr<DynamicsFactory> prepare(const Sweep& sweep, const DataSource& source, at::Device device,
                                           Team&) const override {
    return std::make_unique<LinearTraining>(sweep.experiment, sweep.measure, load(sweep.experiment, source), device);
  }

 private:
  static LinearProblem load(const Json& experiment, const DataSource& source) {
    return linear_problem(experiment.at("dataset"), source.directory, source.read_matrix);
  }
};

const RegisterExperiment registered{"linear", std::make_unique<LinearExperiment>()};

}  // namespace
}  // namespace edgesweep
