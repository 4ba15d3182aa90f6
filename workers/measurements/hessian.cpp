#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "workers/linalg/hutchinson.hpp"
#include "workers/measurements/measured_examples.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"
#include "workers/measurements/warm_eigenpairs.hpp"

namespace edgesweep {
namespace {

struct HessianSettings {
  TopEigenpairsSettings top;
  std::int64_t trace_probes = 0;
  Json examples;  ///< of measured_examples
  bool alignment = false;
  c10::ScalarType dtype = c10::ScalarType::Float;
};

HessianSettings settings_of(const Json& canonical) {
  HessianSettings settings;
  settings.top.count = canonical.at("top").get<std::int64_t>();
  settings.top.tolerance = canonical.at("tolerance").get<double>();
  settings.top.max_matvecs = canonical.at("max_matvecs").get<std::int64_t>();
  settings.trace_probes = canonical.at("trace_probes").get<std::int64_t>();
  settings.examples = canonical.value("examples", Json());
  settings.alignment = canonical.value("alignment", false);
  settings.dtype = scalar_type_of(canonical.at("precision").get<std::string>());
  return settings;
}

/// Spectrum of the Hessian of the full training loss, without the L2 term (theory.md section 4), and how the gradient ∇L
/// lies in it.
class Hessian final : public Measurement {
 public:
  explicit Hessian(const HessianSettings& settings) : settings_(settings) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples examples = measured_examples(settings_.examples, context.data.train);
    const at::Tensor theta = context.theta.to(settings_.dtype), inputs = examples.inputs.to(settings_.dtype),
                     targets = examples.targets.to(settings_.dtype);
    const auto op = context.model.hessian(theta, inputs, targets, context.optimizer.loss);
    const at::TensorOptions options = context.theta.options().dtype(settings_.dtype);
    const TopEigenpairs top = eigenpairs_.solve(*op, settings_.top, context.random_key, options);

    std::size_t column = 0;
    out[column++] = top.values.front();
    out[column++] = top.residuals.front();
    out[column++] = static_cast<double>(top.matvecs);
    if (settings_.trace_probes > 0) {
      out[column++] = hutchinson_trace(*op, context.random_key, settings_.trace_probes, options);
    }
    if (settings_.alignment) {
      const at::Tensor g = context.model.gradient(theta, inputs, targets, context.optimizer.loss);
      const double square = square_norm(g);
      out[column++] = (g * op->apply(g)).sum(at::kDouble).item<double>() / square;
      out[column++] = eigenpairs_.defined() ? square_norm(at::mv(eigenpairs_.vectors(count(top)), g)) / square
                                       : std::numeric_limits<double>::quiet_NaN();
    }
    if (settings_.top.count > 1) {
      const std::span<double> eigenvalues = out.subspan(column, static_cast<std::size_t>(settings_.top.count));
      std::fill(eigenvalues.begin(), eigenvalues.end(), std::numeric_limits<double>::quiet_NaN());
      std::copy(top.values.begin(), top.values.end(), eigenvalues.begin());
    }
  }

  MeasurementState state() const override { return eigenpairs_.state(); }
  void restore(const MeasurementState& state) override { eigenpairs_.restore(state); }

 private:
  static double square_norm(const at::Tensor& v) { return v.to(at::kDouble).square().sum().item<double>(); }
  static std::int64_t count(const TopEigenpairs& top) { return static_cast<std::int64_t>(top.values.size()); }

  HessianSettings settings_;
  WarmEigenpairs eigenpairs_;
};

class HessianFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    Json result = {{"top", reader.integer("top", 1, 1000, 1)},
                   {"tolerance", reader.number("tolerance", Range{0, 1, true, true}, 1e-3)},
                   {"max_matvecs", reader.integer("max_matvecs", 1, 100000, 200)},
                   {"trace_probes", reader.integer("trace_probes", 0, 100000, 0)},
                   {"precision", read_precision(reader, "float32")}};
    read_measured_examples(reader, result, experiment);
    // Only where it is used: sweeps from before there was a choice keep their keys.
    if (reader.boolean("alignment", false)) result["alignment"] = true;
    reader.finish();
    if (result["max_matvecs"] <= result["top"]) {
      reader.fail("max_matvecs", "is " + result["max_matvecs"].dump() + ", must be above top, which is " +
                                     result["top"].dump());
    }
    return result;
  }

  std::vector<Column> columns(const Json& canonical, const Json&) const override {
    const HessianSettings settings = settings_of(canonical);
    std::vector<Column> columns = {
        {"hessian_lambda_max", "1", "largest eigenvalue of the Hessian of the training loss"},
        {"hessian_residual", "1", "norm of H v - lambda v of the largest eigenvalue's unit vector v"},
        {"hessian_matvecs", "1", "Hessian-vector products that the eigenvalues took"}};
    if (settings.trace_probes > 0) {
      columns.push_back({"hessian_trace", "1", "Hutchinson estimate of the trace of the Hessian"});
    }
    if (settings.alignment) {
      columns.push_back({"gradient_sharpness", "1", "g.Hg / |g|^2 with the gradient g and the Hessian H of the training loss"});
      columns.push_back({"gradient_alignment", "1",
                         "part of the squared norm of the gradient in the space of the largest eigenvalues' eigenvectors"});
    }
    if (settings.top.count > 1) {
      columns.push_back({"hessian_eigenvalues", "1", "largest eigenvalues of the Hessian, descending",
                         settings.top.count, "hessian_eigenvalue"});
    }
    return columns;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<Hessian>(settings_of(canonical));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t,
                           double forward_flops) const override {
    const HessianSettings settings = settings_of(canonical);
    constexpr double kWarmMatvecs = 8;  // per eigenvalue, to 1e-3
    const double matvecs =
        kWarmMatvecs * static_cast<double>(settings.top.count) + static_cast<double>(settings.trace_probes);
    // A product is a forward and a backward pass of tangents beside stored activations: 6 products of matrices a layer.
    const double flops = 12 * forward_flops * static_cast<double>(measured_count(canonical, examples));
    return matvecs * flops / (settings.dtype == c10::ScalarType::Double ? 50e9 : 100e9);
  }
};

const RegisterMeasurement registered{"hessian", std::make_unique<HessianFamily>()};

}  // namespace
}  // namespace edgesweep
