#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "workers/data/philox.hpp"
#include "workers/linalg/hutchinson.hpp"
#include "workers/linalg/top_eigenpairs.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

constexpr const char* kKnownVectors = "known_vectors";
constexpr const char* kKnownValues = "known_values";

struct HessianSettings {
  TopEigenpairsSettings top;
  std::int64_t trace_probes = 0;
  c10::ScalarType dtype = c10::ScalarType::Float;
};

HessianSettings settings_of(const Json& canonical) {
  HessianSettings settings;
  settings.top.count = canonical.at("top").get<std::int64_t>();
  settings.top.tolerance = canonical.at("tolerance").get<double>();
  settings.top.max_matvecs = canonical.at("max_matvecs").get<std::int64_t>();
  settings.trace_probes = canonical.at("trace_probes").get<std::int64_t>();
  settings.dtype = scalar_type_of(canonical.at("precision").get<std::string>());
  return settings;
}

/// Spectrum of the Hessian of the full training loss, without the L2 term (theory.md section 4).
class Hessian final : public Measurement {
 public:
  explicit Hessian(const HessianSettings& settings) : settings_(settings) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples& train = context.data.train;
    const auto op = context.model.hessian(context.theta.to(settings_.dtype), train.inputs.to(settings_.dtype),
                                          train.targets.to(settings_.dtype), context.optimizer.loss);
    const at::TensorOptions options = context.theta.options().dtype(settings_.dtype);
    if (known_.defined()) known_.vectors = known_.vectors.to(options);
    const TopEigenpairs top =
        known_.defined()
            ? top_eigenpairs(*op, known_, settings_.top)
            : top_eigenpairs(*op, random_start(op->size(), context.random_key).to(options), settings_.top);
    if (top.known.defined()) known_ = top.known;

    std::size_t column = 0;
    out[column++] = top.values.front();
    out[column++] = top.residuals.front();
    out[column++] = static_cast<double>(top.matvecs);
    if (settings_.trace_probes > 0) {
      out[column++] = hutchinson_trace(*op, context.random_key, settings_.trace_probes, options);
    }
    if (settings_.top.count > 1) {
      const std::span<double> eigenvalues = out.subspan(column, static_cast<std::size_t>(settings_.top.count));
      std::fill(eigenvalues.begin(), eigenvalues.end(), std::numeric_limits<double>::quiet_NaN());
      std::copy(top.values.begin(), top.values.end(), eigenvalues.begin());
    }
  }

  MeasurementState state() const override {
    if (!known_.defined()) return {};
    return {{kKnownVectors, known_.vectors}, {kKnownValues, known_.values}};
  }

  void restore(const MeasurementState& state) override {
    const auto vectors = state.find(kKnownVectors), values = state.find(kKnownValues);
    known_ = vectors == state.end() || values == state.end() ? KnownSpectrum{}
                                                             : KnownSpectrum{vectors->second, values->second};
  }

 private:
  /// As many vectors as eigenvalues are wanted: a single one never finds the second of two equal eigenvalues.
  at::Tensor random_start(std::int64_t size, std::uint64_t key) const {
    const at::Tensor start = at::empty({std::min(settings_.top.count, size), size}, at::kDouble);
    RandomStream stream(key, RandomUse::hessian_start);
    double* values = start.data_ptr<double>();
    std::generate(values, values + start.numel(), [&] { return stream.normal(); });
    return start;
  }

  HessianSettings settings_;
  KnownSpectrum known_;  // from the record before
};

class HessianFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    Json result = {{"top", reader.integer("top", 1, 1000, 1)},
                   {"tolerance", reader.number("tolerance", Range{0, 1, true, true}, 1e-3)},
                   {"max_matvecs", reader.integer("max_matvecs", 1, 100000, 200)},
                   {"trace_probes", reader.integer("trace_probes", 0, 100000, 0)},
                   {"precision", read_precision(reader, "float32")}};
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
    const double flops = 12 * forward_flops * static_cast<double>(examples);
    return matvecs * flops / (settings.dtype == c10::ScalarType::Double ? 50e9 : 100e9);
  }
};

const RegisterMeasurement registered{"hessian", std::make_unique<HessianFamily>()};

}  // namespace
}  // namespace edgesweep
