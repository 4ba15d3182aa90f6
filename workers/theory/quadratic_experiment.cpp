#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "workers/data/philox.hpp"
#include "workers/data/sampler.hpp"
#include "workers/experiment.hpp"
#include "workers/theory/quadratic_problem.hpp"
#include "workers/theory/quadratic_record.hpp"
#include "workers/theory/quadratic_replicas.hpp"
#include "workers/training/dynamics.hpp"

namespace edgesweep {
namespace {

constexpr double kMostBytes = 8e9;
constexpr std::int64_t kMostSize = 100'000;
constexpr std::int64_t kMostReplicas = 1'000'000;
constexpr auto kReplicasPart = "replicas";
constexpr auto kDerivativesPart = "derivatives";

QuadraticSettings settings_of(const Json& experiment) {
  const Json& dataset = experiment.at("dataset");
  const Json& curvature = experiment.at("curvature");
  QuadraticSettings settings;
  settings.examples = dataset.at("examples");
  settings.parameters = dataset.at("parameters");
  settings.seed = static_cast<std::uint64_t>(dataset.at("seed").get<std::int64_t>());
  settings.curvature = {curvature.at("variance"), curvature.value("exponent", 0.0)};
  settings.residual_variance = experiment.at("residual_variance");
  settings.sampler = experiment.at("sampler");
  settings.replicas = experiment.at("replicas");
  settings.antithetic = experiment.at("antithetic");
  settings.replicas_per_curvature = experiment.at("replicas_per_curvature");
  return settings;
}

Json canonical_dataset(ObjectReader reader) {
  const Json canonical = {{"examples", reader.integer("examples", 2, kMostSize)},
                          {"parameters", reader.integer("parameters", 1, kMostSize)},
                          {"seed", reader.integer("seed", 0, std::numeric_limits<std::int64_t>::max(), 0)}};
  reader.finish();
  return canonical;
}

Json canonical_curvature(ObjectReader reader) {
  Json canonical = {{"name", reader.choice("name", {"flat", "shaped"})},
                    {"variance", reader.number("variance", Range::not_negative())}};
  if (canonical["name"] == "shaped") canonical["exponent"] = reader.number("exponent", Range::not_negative());
  reader.finish();
  return canonical;
}

/// What can only be judged together.
void check_replicas(const ObjectReader& reader, const QuadraticSettings& settings) {
  for (const auto& [key, count] : {std::pair<std::string, std::int64_t>{"replicas", settings.replicas},
                                   {"replicas_per_curvature", settings.replicas_per_curvature}}) {
    if (settings.antithetic && count % 2 != 0) {
      reader.fail(key, "is " + std::to_string(count) + "; must be even, since antithetic replicas come in pairs");
    }
  }
  if (settings.replicas % settings.replicas_per_curvature != 0) {
    reader.fail("replicas_per_curvature", "is " + std::to_string(settings.replicas_per_curvature) +
                                              "; must divide replicas, which is " + std::to_string(settings.replicas));
  }
  const double bytes = settings.curvature_bytes() + settings.jacobian_bytes();
  if (bytes > kMostBytes) {
    char gigabytes[32];
    std::snprintf(gigabytes, sizeof gigabytes, "%.3g", bytes / 1e9);
    reader.fail("replicas", "is " + std::to_string(settings.replicas) + ", which needs " + gigabytes +
                                " GB a worker (8 bytes x min(examples, parameters) x parameters x (parameters x replicas / "
                                "replicas_per_curvature + 3 x replicas)); must be at most 8 GB");
  }
}

class QuadraticDynamics final : public Dynamics {
 public:
  QuadraticDynamics(const QuadraticProblem& problem, const Sweep& sweep, const Trial& trial)
      : eta_(trial.cell.eta),
        replicas_(problem, random_key(trial.key), trial.cell.eta, trial.cell.batch),
        record_(problem, sweep.measure, sweep.loss_above, trial.cell.eta, trial.cell.batch) {}

  void start() override {
    replicas_.start();
    record_.start(replicas_);
  }

  void restore(const DynamicsState& state) override {
    const auto part = [&](const char* name) {
      const auto found = state.find(name);
      return found == state.end() ? TensorMap{} : found->second;
    };
    replicas_.restore(part(kReplicasPart));
    record_.restore(part(kDerivativesPart));
  }

  DynamicsState state() const override {
    return {{kReplicasPart, replicas_.state()}, {kDerivativesPart, record_.state()}};
  }

  double learning_rate(std::int64_t) const override { return eta_; }

  double advance(std::int64_t step) override {
    const double loss = replicas_.losses().mean().item<double>();
    replicas_.advance(step);
    record_.observe(replicas_);
    return loss;
  }

  bool measure(std::int64_t, std::span<double> out) override {
    if (!replicas_.is_finite()) return false;
    record_.fill(replicas_, out);
    return true;
  }

 private:
  double eta_;
  QuadraticReplicas replicas_;
  QuadraticRecord record_;
};

class QuadraticFactory final : public DynamicsFactory {
 public:
  QuadraticFactory(QuadraticProblem problem, Sweep sweep)
      : problem_(std::move(problem)), sweep_(std::move(sweep)) {}

  std::unique_ptr<Dynamics> make(const Trial& trial) override {
    return std::make_unique<QuadraticDynamics>(problem_, sweep_, trial);
  }

 private:
  QuadraticProblem problem_;
  Sweep sweep_;
};

class QuadraticFamily final : public ExperimentFamily {
 public:
  Json canonical(ObjectReader& reader) const override {
    Json canonical;
    canonical["dataset"] = canonical_dataset(reader.object("dataset"));
    canonical["curvature"] = canonical_curvature(reader.object("curvature"));
    canonical["residual_variance"] = reader.number("residual_variance", Range::positive(), 1.0);
    canonical["sampler"] = reader.choice("sampler", sampler_names(), "iid");
    canonical["replicas"] = reader.integer("replicas", 1, kMostReplicas);
    canonical["antithetic"] = reader.boolean("antithetic", true);
    canonical["replicas_per_curvature"] =
        reader.integer("replicas_per_curvature", 1, kMostReplicas, canonical["antithetic"].get<bool>() ? 2 : 1);
    reader.finish();
    check_replicas(reader, settings_of(canonical));
    return canonical;
  }

  std::int64_t train_examples(const Json& experiment) const override { return settings_of(experiment).examples; }

  Json measure(ObjectReader reader, const Json& experiment) const override {
    return canonical_quadratic_measure(std::move(reader), settings_of(experiment));
  }

  std::vector<Column> columns(const Json&, const Json& measure) const override { return quadratic_columns(measure); }

  // One core: the M_α are read once a step at some 8 GB/s or multiplied at 20 GFLOP/s, the Jacobians are read thrice and
  // written; a record has an eigenvalue problem or two a replica.
  PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t) const override {
    const QuadraticSettings settings = settings_of(experiment);
    const auto replicas = static_cast<double>(settings.replicas);
    const auto modes = static_cast<double>(settings.modes()), rows = static_cast<double>(settings.examples);
    const double products = 2 * modes * replicas * std::pow(static_cast<double>(settings.parameters), 2);
    const auto used = [&](const char* name) { return measure.at(name).at("replicas").get<double>(); };
    PredictedCost cost;
    cost.seconds_per_step =
        1e-4 + settings.curvature_bytes() / 8e9 + products / 20e9 + settings.jacobian_bytes() / 4e9;
    if (measure.contains("eigenvalues")) cost.seconds_per_record += used("eigenvalues") * 2e-9 * modes * modes * modes;
    if (measure.contains("kernel_norm")) {
      cost.seconds_per_record += used("kernel_norm") * (3e-4 + 4e-9 * rows * rows * rows);
    }
    return cost;
  }

  std::string check_data(const Json&, const DataSource&) const override { return {}; }

  std::unique_ptr<DynamicsFactory> prepare(const Sweep& sweep, const DataSource&, at::Device device,
                                           Team&) const override {
    return std::make_unique<QuadraticFactory>(make_quadratic_problem(settings_of(sweep.experiment), device), sweep);
  }
};

const RegisterExperiment registered{"quadratic", std::make_unique<QuadraticFamily>()};

}  // namespace
}  // namespace edgesweep
