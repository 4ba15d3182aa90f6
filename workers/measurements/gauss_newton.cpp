#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <utility>

#include "workers/linalg/hutchinson.hpp"
#include "workers/measurements/bartlett.hpp"
#include "workers/measurements/measured_examples.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"
#include "workers/measurements/trace_noise.hpp"
#include "workers/measurements/warm_eigenpairs.hpp"

namespace edgesweep {
namespace {

struct GaussNewtonSettings {
  TopEigenpairsSettings top;
  bool lambda_max = true;
  std::int64_t trace_probes = 0;
  std::optional<BartlettSettings> bartlett;
  c10::ScalarType dtype = c10::ScalarType::Float;
  Json examples;  // of measured_examples
};

GaussNewtonSettings settings_of(const Json& canonical) {
  GaussNewtonSettings settings;
  settings.top.tolerance = canonical.at("tolerance").get<double>();
  settings.top.max_matvecs = canonical.at("max_matvecs").get<std::int64_t>();
  settings.lambda_max = canonical.value("lambda_max", true);
  settings.trace_probes = canonical.at("trace_probes").get<std::int64_t>();
  if (canonical.contains("trace")) {
    settings.bartlett = BartlettSettings{canonical.at("batch").get<std::int64_t>(), canonical.at("draws").get<std::int64_t>()};
  }
  settings.dtype = scalar_type_of(canonical.at("precision").get<std::string>());
  settings.examples = canonical.value("examples", Json());
  return settings;
}

/// Largest eigenvalue and trace of the Gauss–Newton matrix of the training loss (theory.md section 4); for mse the
/// eigenvalue is that of the NTK.
class GaussNewton final : public Measurement {
 public:
  explicit GaussNewton(GaussNewtonSettings settings) : settings_(std::move(settings)) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples examples = measured_examples(settings_.examples, context.data.train);
    const at::TensorOptions options = context.theta.options().dtype(settings_.dtype);
    std::unique_ptr<SymmetricOperator> op;
    if (settings_.lambda_max || settings_.trace_probes > 0) {
      op = context.model.gauss_newton(context.theta.to(settings_.dtype), examples.inputs.to(settings_.dtype),
                                      examples.targets.to(settings_.dtype), context.optimizer.loss);
    }
    std::size_t column = 0;
    if (settings_.lambda_max) {
      const TopEigenpairs top = eigenpairs_.solve(*op, settings_.top, context.random_key, options);
      out[column++] = top.values.front();
      out[column++] = top.residuals.front();
    }
    if (settings_.trace_probes > 0) {
      out[column++] = hutchinson_trace(*op, context.random_key, settings_.trace_probes, options);
    }
    if (!settings_.bartlett) return;
    op.reset();  // its graph
    const TraceEstimate trace = bartlett_trace(context, examples, settings_.dtype, *settings_.bartlett);
    out[column++] = trace.trace;
    out[column++] = trace.standard_error;
    out[column++] = trace_noise(context, trace.trace);
  }

  MeasurementState state() const override { return eigenpairs_.state(); }
  void restore(const MeasurementState& state) override { eigenpairs_.restore(state); }

 private:
  GaussNewtonSettings settings_;
  WarmEigenpairs eigenpairs_;
};

class GaussNewtonFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    Json canonical = {{"tolerance", reader.number("tolerance", Range{0, 1, true, true}, 1e-3)},
                      {"max_matvecs", reader.integer("max_matvecs", 2, 100000, 200)},
                      {"trace_probes", reader.integer("trace_probes", 0, 100000, 0)},
                      {"precision", read_precision(reader, "float32")}};
    // The rest only where it is asked for: sweeps from before there was a choice keep their keys.
    read_measured_examples(reader, canonical, experiment);
    if (!reader.boolean("lambda_max", true)) canonical["lambda_max"] = false;
    if (reader.choice("trace", {"none", "bartlett"}, "none") == "bartlett") {
      canonical["trace"] = "bartlett";
      canonical["batch"] = reader.integer("batch", 1, 1'000'000, BartlettSettings().batch);
      canonical["draws"] = reader.integer("draws", 1, 100'000, BartlettSettings().draws);
    }
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json& canonical, const Json& experiment) const override {
    const GaussNewtonSettings settings = settings_of(canonical);
    std::vector<Column> columns;
    if (settings.lambda_max) {
      columns.push_back({"gn_lambda_max", "1", "largest eigenvalue of the Gauss-Newton matrix of the training loss"});
      columns.push_back({"gn_residual", "1", "norm of G v - lambda v of the largest eigenvalue's unit vector v"});
    }
    if (settings.trace_probes > 0) {
      columns.push_back({"gn_trace_estimate", "1", "Hutchinson estimate of the trace of the Gauss-Newton matrix"});
    }
    if (settings.bartlett) {
      columns.push_back({"gn_trace", "1", "trace of the Gauss-Newton matrix of the training loss"});
      columns.push_back({"gn_trace_sem", "1", "standard error of gn_trace"});
      columns.push_back(trace_noise_column(experiment));
    }
    return columns;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<GaussNewton>(settings_of(canonical));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t, double forward_flops) const override {
    const GaussNewtonSettings settings = settings_of(canonical);
    const double matvecs = (settings.lambda_max ? 8 : 0) + static_cast<double>(settings.trace_probes);
    const double passes = settings.bartlett ? 8 * static_cast<double>(settings.bartlett->draws) : 0;
    return (12 * matvecs + passes) * forward_flops * static_cast<double>(measured_count(canonical, examples)) / 50e9;
  }
};

const RegisterMeasurement registered{"gauss_newton", std::make_unique<GaussNewtonFamily>()};

}  // namespace
}  // namespace edgesweep
