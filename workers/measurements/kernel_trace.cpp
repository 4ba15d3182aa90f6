#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstddef>

#include "workers/measurements/kernel_signs.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"
#include "workers/measurements/trace_noise.hpp"

namespace edgesweep {
namespace {

/// Examples whose kernels are in memory at once.
constexpr std::int64_t chunk_rows = 256;

struct KernelTraceSettings {
  c10::ScalarType dtype = c10::ScalarType::Float;
  std::int64_t draws = 0;  ///< of random directions; 0: exact
  Directions directions = Directions::signs;
};

KernelTraceSettings settings_of(const Json& canonical) {
  return {scalar_type_of(canonical.at("precision").get<std::string>()), canonical.value("draws", std::int64_t{0}),
          canonical.value("method", std::string()) == "labels" ? Directions::labels : Directions::signs};
}

bool mixes_examples(const Json& experiment) {
  return experiment.at("model").value("norm", std::string()) == "batch";
}

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

/// Over the training examples.
struct KernelSums {
  double traces = 0;           ///< Σ tr k_i
  double weighted_traces = 0;  ///< Σ tr(A_i k_i)
  double squares = 0;          ///< Σ ‖A_i^½ k_i A_i^½‖_F²
};

double trace_sum(const at::Tensor& kernels) { return kernels.diagonal(0, 1, 2).sum().item<double>(); }

KernelSums exact_sums(const MeasurementContext& context, c10::ScalarType dtype) {
  const Examples& train = context.data.train;
  const Loss loss = context.optimizer.loss;
  const at::Tensor theta = context.theta.to(dtype);
  KernelSums sums;
  for (std::int64_t first = 0; first < train.count(); first += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, train.count() - first);
    const at::Tensor x = train.inputs.narrow(0, first, rows).to(dtype);
    const at::Tensor kernels = context.model.example_kernels(theta, x).to(at::kDouble);
    const at::NoGradGuard no_graph;
    // With the curvatures A_i, tr(A k) and ‖A^½ k A^½‖_F² = tr(A k A k): A k has both, though it is not symmetric.
    const at::Tensor weighted =
        is_squared(loss) ? kernels * squared_loss_scale(loss)
                         : at::bmm(output_curvatures(loss, context.model.predict(theta, x).to(at::kDouble),
                                                     train.targets.narrow(0, first, rows).to(at::kDouble)),
                                   kernels);
    sums.traces += trace_sum(kernels);
    sums.weighted_traces += trace_sum(weighted);
    sums.squares += (weighted * weighted.transpose(1, 2)).sum().item<double>();
  }
  return sums;
}

/// Traces of the kernels of single examples k_i = J_i J_iᵀ for any network, and what of K can be had from them (theory.md
/// section 3): tr Θ̂ = 1/D Σ tr k_i, K_tr = κ/C η/(2(1−μ)) tr Θ̂, K_block = κ η/(2(1−μ)) Σ‖k_i‖_F² / Σ tr k_i. For a loss
/// that is not squared, of the Gauss–Newton matrix instead, k_i weighted by ∇²_f ℓ_i on both sides: gn_trace and
/// K_gn = κ η/(2(1−μ)) gn_trace. Exactly, or by random signs or drawn labels with standard errors.
class KernelTrace final : public Measurement {
 public:
  explicit KernelTrace(const KernelTraceSettings& settings) : settings_(settings) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const auto examples = static_cast<double>(context.data.train.count());
    const double noise = trace_noise_factor(context);
    std::size_t column = 0;
    if (settings_.draws == 0) {
      const KernelSums sums = exact_sums(context, settings_.dtype);
      out[column++] = sums.traces / examples;
      out[column++] = sums.weighted_traces / examples;
      out[column++] = trace_noise(context, sums.weighted_traces / examples);
      out[column++] = noise * sums.squares / sums.weighted_traces;
      return;
    }
    const bool mixes = context.model.mixes_examples();
    SampledSums sums;
    for (std::int64_t draw = 0; draw < settings_.draws; ++draw) {
      sums.add((mixes ? sampled_chunk_kernels : sampled_kernels)(context, settings_.dtype, draw, settings_.directions));
    }
    for (const std::int64_t row : {0, 1}) {
      out[column++] = sums.sum(row) / examples;
      out[column++] = sums.standard_error(row) / examples;
    }
    out[column++] = trace_noise(context, sums.sum(1) / examples);
    if (mixes) return;
    out[column++] = noise * sums.sum(2) / sums.sum(1);
    out[column++] = noise * sums.ratio_standard_error(2, 1);
  }

 private:
  KernelTraceSettings settings_;
};

class KernelTraceFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    Json canonical = {{"precision", read_precision(reader, "float32")}};
    // Only where it is not the default: sweeps from before there was a choice keep their keys.
    const std::string method = reader.choice("method", {"exact", "signs", "labels"}, "exact");
    if (method == "labels" && experiment.at("loss") != "cross_entropy") {
      reader.fail("method", "is labels, which is of the loss cross_entropy; exact and signs are allowed");
    }
    if (method != "exact") {
      canonical["method"] = method;
      canonical["draws"] = reader.integer("draws", 2, 100'000, 2);
    } else if (mixes_examples(experiment)) {
      reader.fail("", "needs kernels of single examples, and batch normalisation mixes examples: choose the method signs or labels");
    } else if (reader.has("draws")) {
      reader.fail("draws", "is of the methods signs and labels, and the method is exact");
    }
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json& canonical, const Json& experiment) const override {
    const bool sampled = settings_of(canonical).draws > 0;
    std::vector<Column> columns{{"ntk_trace", "1", "trace of the empirical NTK J J^T / D"}};
    if (sampled) columns.push_back({"ntk_trace_sem", "1", "standard error of ntk_trace"});
    columns.push_back({"gn_trace", "1", "trace of the Gauss-Newton matrix of the training loss"});
    if (sampled) columns.push_back({"gn_trace_sem", "1", "standard error of gn_trace"});
    columns.push_back(trace_noise_column(experiment));
    if (sampled && mixes_examples(experiment)) return columns;
    columns.push_back({"K_block", "1", "K from the examples' own kernel blocks; a lower bound of K without momentum and L2"});
    if (sampled) columns.push_back({"K_block_sem", "1", "standard error of K_block"});
    return columns;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<KernelTrace>(settings_of(canonical));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t outputs, double forward_flops) const override {
    const std::int64_t draws = settings_of(canonical).draws;
    const double directions = draws > 0 ? 3 * static_cast<double>(draws) : static_cast<double>(outputs);
    return (2 + 4 * directions) * forward_flops * static_cast<double>(examples) / 50e9;
  }
};

const RegisterMeasurement registered{"kernel_trace", std::make_unique<KernelTraceFamily>()};

}  // namespace
}  // namespace edgesweep
