#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "workers/data/philox.hpp"
#include "workers/linalg/lanczos_quadrature.hpp"
#include "workers/measurements/measured_examples.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/monte_carlo.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

struct DensitySettings {
  std::int64_t steps = 0;
  std::int64_t probes = 0;
  Json examples;  ///< of measured_examples
  c10::ScalarType dtype = c10::ScalarType::Float;

  std::int64_t nodes() const { return steps * probes; }
};

DensitySettings settings_of(const Json& canonical) {
  return {canonical.at("steps").get<std::int64_t>(), canonical.at("probes").get<std::int64_t>(),
          canonical.value("examples", Json()), scalar_type_of(canonical.at("precision").get<std::string>())};
}

/// Uniform on the sphere after normalisation: a pure function of the trial and the probe's number, the same at every record.
at::Tensor probe_vector(std::uint64_t key, std::int64_t probe, std::int64_t size) {
  const at::Tensor vector = at::empty({size}, at::kFloat);
  RandomStream stream(key, RandomUse::density_probe, static_cast<std::uint64_t>(probe));
  float* values = vector.data_ptr<float>();
  std::generate(values, values + size, [&] { return static_cast<float>(stream.normal()); });
  return vector;
}

/// Spectral density of the Hessian of the training loss, without the L2 term, by stochastic Lanczos quadrature (Golub & Welsch
/// 1969; Ghorbani, Krishnan & Xiao 2019, arXiv 1901.10159): 1/P tr f(H) = E[vᵀ f(H) v] with v uniform on the unit sphere, and
/// each vᵀ f(H) v by Gauss quadrature. tr H is P times the mean of vᵀHv.
class HessianDensity final : public Measurement {
 public:
  explicit HessianDensity(const DensitySettings& settings) : settings_(settings) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples examples = measured_examples(settings_.examples, context.data.train);
    const at::Tensor theta = context.theta.to(settings_.dtype);
    const auto op = context.model.hessian(theta, examples.inputs.to(settings_.dtype),
                                          examples.targets.to(settings_.dtype), context.optimizer.loss);
    const auto size = static_cast<double>(op->size());
    const auto steps = static_cast<std::size_t>(settings_.steps);
    const std::span<double> nodes = out.subspan(2, steps * static_cast<std::size_t>(settings_.probes));
    const std::span<double> weights = out.subspan(2 + nodes.size());
    RunningMean trace;
    for (std::size_t probe = 0; probe < static_cast<std::size_t>(settings_.probes); ++probe) {
      const at::Tensor start = probe_vector(context.random_key, static_cast<std::int64_t>(probe), op->size());
      const Quadrature rule = lanczos_quadrature(*op, start.to(theta.options()), settings_.steps);
      double mean = 0;
      for (std::size_t k = 0; k < steps; ++k) {
        // Behind the last node it comes again, with weight 0: sums over all of them need not know.
        const std::size_t node = std::min(k, rule.nodes.size() - 1);
        const double weight = k == node ? rule.weights[node] : 0;
        nodes[probe * steps + k] = rule.nodes[node];
        weights[probe * steps + k] = weight / static_cast<double>(settings_.probes);
        mean += weight * rule.nodes[node];
      }
      trace.add(size * mean);
    }
    out[0] = trace.mean();
    out[1] = trace.standard_error();
  }

 private:
  DensitySettings settings_;
};

class HessianDensityFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    Json canonical = {{"steps", reader.integer("steps", 1, 1000, 80)},
                      {"probes", reader.integer("probes", 1, 1000, 1)},
                      {"precision", read_precision(reader, "float32")}};
    read_measured_examples(reader, canonical, experiment);
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json& canonical, const Json&) const override {
    const std::int64_t nodes = settings_of(canonical).nodes();
    std::vector<Column> columns = {
        {"hessian_density_trace", "1", "trace of the Hessian of the training loss, from the first moments of its density"},
        {"hessian_density_trace_sem", "1", "standard error of hessian_density_trace over the probes"},
        {"hessian_density_nodes", "1", "nodes of the Hessian's spectral density, probe after probe, ascending in each"},
        {"hessian_density_weights", "1", "weights of the nodes; their sum is 1"}};
    // A vector of one value would not be one.
    for (std::size_t k = 2; k < columns.size() && nodes > 1; ++k) {
      columns[k].width = nodes;
      columns[k].dimension = "hessian_density_node";
    }
    return columns;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<HessianDensity>(settings_of(canonical));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t, double forward_flops) const override {
    const DensitySettings settings = settings_of(canonical);
    const double flops = 12 * forward_flops * static_cast<double>(measured_count(canonical, examples));
    return static_cast<double>(settings.nodes()) * flops / (settings.dtype == c10::ScalarType::Double ? 50e9 : 100e9);
  }
};

const RegisterMeasurement registered{"hessian_density", std::make_unique<HessianDensityFamily>()};

}  // namespace
}  // namespace edgesweep
