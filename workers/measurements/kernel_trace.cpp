#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "workers/linalg/kernel_norm.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

/// Examples whose kernels are in memory at once.
constexpr std::int64_t chunk_rows = 256;

/// ∇²_f ℓ_i of every example, N × C × C, from its products with unit vectors.
at::Tensor output_curvatures(Loss loss, const at::Tensor& f, const at::Tensor& y) {
  std::vector<at::Tensor> columns;
  for (std::int64_t c = 0; c < f.size(1); ++c) {
    const at::Tensor unit = at::zeros_like(f);
    unit.select(1, c).fill_(1);
    columns.push_back(loss_curvature(loss, f, y, unit) * static_cast<double>(f.size(0)));  // it is of the mean
  }
  return at::stack(columns, 2);
}

/// Traces of the kernels of single examples k_i = J_i J_iᵀ for any network, and what of K can be had from them (theory.md
/// section 3): tr Θ̂ = 1/D Σ tr k_i, K_tr = κ/C η/(2(1−μ)) tr Θ̂, K_block = κ η/(2(1−μ)) Σ‖k_i‖_F² / Σ tr k_i. For a loss
/// that is not squared, of the Gauss–Newton matrix instead, k_i weighted by ∇²_f ℓ_i on both sides: gn_trace and
/// K_gn = κ η/(2(1−μ)) gn_trace.
class KernelTrace final : public Measurement {
 public:
  explicit KernelTrace(c10::ScalarType dtype) : dtype_(dtype) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples& train = context.data.train;
    const Loss loss = context.optimizer.loss;
    const at::Tensor theta = context.theta.to(dtype_);
    double traces = 0, weighted_traces = 0, squares = 0;
    for (std::int64_t first = 0; first < train.count(); first += chunk_rows) {
      const std::int64_t rows = std::min(chunk_rows, train.count() - first);
      const at::Tensor x = train.inputs.narrow(0, first, rows).to(dtype_);
      const at::Tensor kernels = context.model.example_kernels(theta, x).to(at::kDouble);
      const at::NoGradGuard no_graph;
      // With the curvatures A_i, tr(A k) and ‖A^½ k A^½‖_F² = tr(A k A k): A k has both, though it is not symmetric.
      const at::Tensor weighted =
          is_squared(loss) ? kernels * squared_loss_scale(loss)
                           : at::bmm(output_curvatures(loss, context.model.predict(theta, x).to(at::kDouble),
                                                       train.targets.narrow(0, first, rows).to(at::kDouble)),
                                     kernels);
      traces += trace_sum(kernels);
      weighted_traces += trace_sum(weighted);
      squares += (weighted * weighted.transpose(1, 2)).sum().item<double>();
    }
    const auto examples = static_cast<double>(train.count());
    const double noise = batch_noise_factor(train.count(), context.batch) * context.eta / (2 * (1 - context.optimizer.momentum));
    out[0] = traces / examples;
    out[1] = weighted_traces / examples;
    out[2] = noise * weighted_traces / examples / (is_squared(loss) ? static_cast<double>(context.model.outputs()) : 1);
    out[3] = noise * squares / weighted_traces;
  }

 private:
  static double trace_sum(const at::Tensor& kernels) { return kernels.diagonal(0, 1, 2).sum().item<double>(); }

  c10::ScalarType dtype_;
};

class KernelTraceFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    if (experiment.at("model").value("norm", std::string()) == "batch") {
      reader.fail("", "needs kernels of single examples, and batch normalisation mixes examples");
    }
    Json canonical = {{"precision", read_precision(reader, "float32")}};
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json& experiment) const override {
    const bool squared = is_squared(loss_named(experiment.at("loss").get<std::string>()));
    return {{"ntk_trace", "1", "trace of the empirical NTK J J^T / D"},
            {"gn_trace", "1", "trace of the Gauss-Newton matrix of the training loss"},
            squared ? Column{"K_tr", "1", "K for delocalised eigenvectors and small learning rate, from the trace"}
                    : Column{"K_gn", "1", "K for small learning rate, from the trace of the Gauss-Newton matrix"},
            {"K_block", "1", "K from the examples' own kernel blocks; a lower bound of K without momentum and L2"}};
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<KernelTrace>(scalar_type_of(canonical.at("precision").get<std::string>()));
  }

  double predicted_seconds(const Json&, std::int64_t examples, std::int64_t outputs, double forward_flops) const override {
    return (2 + 4 * static_cast<double>(outputs)) * forward_flops * static_cast<double>(examples) / 50e9;
  }
};

const RegisterMeasurement registered{"kernel_trace", std::make_unique<KernelTraceFamily>()};

}  // namespace
}  // namespace edgesweep
