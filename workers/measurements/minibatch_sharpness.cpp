#include <ATen/ATen.h>

#include <algorithm>

#include "workers/data/philox.hpp"
#include "workers/linalg/top_eigenpairs.hpp"
#include "workers/measurements/monte_carlo.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

/// MiniBS = E_B[λ_max(∇²L_B)] over mini-batches (theory.md section 4). Each λ_max from a random vector: nothing of one batch
/// leads another's eigenvector astray.
class MinibatchSharpness final : public Measurement {
 public:
  MinibatchSharpness(const StopRule& rule, const TopEigenpairsSettings& top, c10::ScalarType dtype)
      : rule_(rule), top_(top), dtype_(dtype) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    BatchDraws draws(context);
    const at::Tensor theta = context.theta.to(dtype_);
    const std::int64_t most = draws.is_full() ? 1 : rule_.max_draws;
    RunningMean sharpness;
    for (std::int64_t draw = 0; draw < most && !sharpness.is_enough(rule_); ++draw) {
      const Examples batch = draws.take(draw, 1);
      const auto op = context.model.hessian(theta, batch.inputs.to(dtype_), batch.targets.to(dtype_), context.optimizer.loss);
      sharpness.add(top_eigenpairs(*op, start(context, op->size()).to(theta.options()), top_).values.front());
    }
    out[0] = sharpness.mean();
    out[1] = draws.is_full() ? 0 : sharpness.standard_error();
    out[2] = static_cast<double>(sharpness.count());
  }

 private:
  static at::Tensor start(const MeasurementContext& context, std::int64_t size) {
    const at::Tensor vector = at::empty({1, size}, at::kFloat);
    RandomStream stream(context.random_key, RandomUse::minibatch_start);
    float* values = vector.data_ptr<float>();
    std::generate(values, values + size, [&] { return static_cast<float>(stream.normal()); });
    return vector;
  }

  StopRule rule_;
  TopEigenpairsSettings top_;
  c10::ScalarType dtype_;
};

class MinibatchSharpnessFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    Json canonical;
    read_stop_rule(reader, canonical, {.min_draws = 10, .max_draws = 50, .tolerance = 0.02});
    canonical["eigenvalue_tolerance"] = reader.number("eigenvalue_tolerance", Range{0, 1, true, true}, 1e-2);
    canonical["max_matvecs"] = reader.integer("max_matvecs", 2, 100000, 100);
    canonical["precision"] = read_precision(reader, "float32");
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json&) const override {
    return {{"minibatch_sharpness", "1", "mean over mini-batches of the largest eigenvalue of the batch's Hessian"},
            {"minibatch_sharpness_sem", "1", "standard error of minibatch_sharpness"},
            {"minibatch_sharpness_count", "1", "mini-batches that minibatch_sharpness was averaged over"}};
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    TopEigenpairsSettings top;
    top.tolerance = canonical.at("eigenvalue_tolerance").get<double>();
    top.max_matvecs = canonical.at("max_matvecs").get<std::int64_t>();
    return std::make_unique<MinibatchSharpness>(stop_rule_of(canonical), top,
                                                scalar_type_of(canonical.at("precision").get<std::string>()));
  }

  double predicted_seconds(const Json& canonical, std::int64_t, std::int64_t, double forward_flops) const override {
    constexpr double matvecs = 10;
    return canonical.at("draws").get<double>() / 2 * matvecs * 12 * 16 * forward_flops / 50e9;
  }
};

const RegisterMeasurement registered{"minibatch_sharpness", std::make_unique<MinibatchSharpnessFamily>()};

}  // namespace
}  // namespace edgesweep
