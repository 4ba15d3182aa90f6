#include <ATen/ATen.h>

#include "workers/linalg/hutchinson.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"
#include "workers/measurements/warm_eigenpairs.hpp"

namespace edgesweep {
namespace {

struct GaussNewtonSettings {
  TopEigenpairsSettings top;
  std::int64_t trace_probes = 0;
  c10::ScalarType dtype = c10::ScalarType::Float;
};

GaussNewtonSettings settings_of(const Json& canonical) {
  GaussNewtonSettings settings;
  settings.top.tolerance = canonical.at("tolerance").get<double>();
  settings.top.max_matvecs = canonical.at("max_matvecs").get<std::int64_t>();
  settings.trace_probes = canonical.at("trace_probes").get<std::int64_t>();
  settings.dtype = scalar_type_of(canonical.at("precision").get<std::string>());
  return settings;
}

/// Largest eigenvalue and trace of the Gauss–Newton matrix of the full training loss (theory.md section 4); for mse the
/// eigenvalue is that of the NTK.
class GaussNewton final : public Measurement {
 public:
  explicit GaussNewton(const GaussNewtonSettings& settings) : settings_(settings) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples& train = context.data.train;
    const auto op = context.model.gauss_newton(context.theta.to(settings_.dtype), train.inputs.to(settings_.dtype),
                                               train.targets.to(settings_.dtype), context.optimizer.loss);
    const at::TensorOptions options = context.theta.options().dtype(settings_.dtype);
    const TopEigenpairs top = eigenpairs_.solve(*op, settings_.top, context.random_key, options);
    out[0] = top.values.front();
    out[1] = top.residuals.front();
    if (settings_.trace_probes > 0) {
      out[2] = hutchinson_trace(*op, context.random_key, settings_.trace_probes, options);
    }
  }

  MeasurementState state() const override { return eigenpairs_.state(); }
  void restore(const MeasurementState& state) override { eigenpairs_.restore(state); }

 private:
  GaussNewtonSettings settings_;
  WarmEigenpairs eigenpairs_;
};

class GaussNewtonFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    Json canonical = {{"tolerance", reader.number("tolerance", Range{0, 1, true, true}, 1e-3)},
                      {"max_matvecs", reader.integer("max_matvecs", 2, 100000, 200)},
                      {"trace_probes", reader.integer("trace_probes", 0, 100000, 0)},
                      {"precision", read_precision(reader, "float32")}};
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json& canonical, const Json&) const override {
    std::vector<Column> columns = {
        {"gn_lambda_max", "1", "largest eigenvalue of the Gauss-Newton matrix of the training loss"},
        {"gn_residual", "1", "norm of G v - lambda v of the largest eigenvalue's unit vector v"}};
    if (canonical.at("trace_probes").get<std::int64_t>() > 0) {
      columns.push_back({"gn_trace_estimate", "1", "Hutchinson estimate of the trace of the Gauss-Newton matrix"});
    }
    return columns;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<GaussNewton>(settings_of(canonical));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t, double forward_flops) const override {
    const GaussNewtonSettings settings = settings_of(canonical);
    const double matvecs = 8 + static_cast<double>(settings.trace_probes);
    return matvecs * 12 * forward_flops * static_cast<double>(examples) / 50e9;
  }
};

const RegisterMeasurement registered{"gauss_newton", std::make_unique<GaussNewtonFamily>()};

}  // namespace
}  // namespace edgesweep
