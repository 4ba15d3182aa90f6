#include "workers/linalg/kernel_norm.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "workers/measurements/measured_examples.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"
#include "workers/measurements/trace_noise.hpp"

namespace edgesweep {
namespace {

/// Θ̂ of a loss that is not squared, weighted by roots R_i of the curvatures A_i = ∇²_f ℓ_i on both sides: the kernel of the
/// derivatives A_i^½ J_i up to rotations of an example's outputs, which K does not see. (N·C) × (N·C).
at::Tensor weighted_kernel(const at::Tensor& ntk, Loss loss, const at::Tensor& f, const at::Tensor& y) {
  const std::int64_t n = f.size(0), outputs = f.size(1);
  std::vector<at::Tensor> columns;
  for (std::int64_t c = 0; c < outputs; ++c) {
    const at::Tensor unit = at::zeros_like(f);
    unit.select(1, c).fill_(1);
    columns.push_back(loss_curvature_root(loss, f, y, unit));
  }
  const at::Tensor transposed = at::stack(columns, 1);  // R_iᵀ
  const auto from_left = [&](const at::Tensor& kernel) {
    return at::bmm(transposed, kernel.view({n, outputs, n * outputs})).view({n * outputs, n * outputs});
  };
  const at::Tensor kernel = from_left(from_left(ntk).t().contiguous());
  return (kernel + kernel.t()).div_(2);
}

/// K and its approximations (theory.md section 3) from the NTK of the training set or, by an estimate, of a part of it; for a
/// loss that is not squared from its weighted kernel, whose eigenvalues are those of the Gauss–Newton matrix.
class KernelNorm final : public Measurement {
 public:
  KernelNorm(c10::ScalarType dtype, bool full, Json examples)
      : dtype_(dtype), full_(full), examples_(std::move(examples)) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples examples = measured_examples(examples_, context.data.train);
    const at::Tensor theta = context.theta.to(dtype_), inputs = examples.inputs.to(dtype_);
    const Loss loss = context.optimizer.loss;
    KernelNormSettings settings;
    settings.eta = context.eta * (is_squared(loss) ? squared_loss_scale(loss) : 1);
    settings.batch = context.batch;
    settings.momentum = context.optimizer.momentum;
    settings.l2 = context.optimizer.l2;
    settings.outputs = context.model.outputs();
    settings.examples = context.data.examples();
    at::Tensor kernel = context.model.ntk(theta, inputs);
    if (!is_squared(loss)) {
      const at::NoGradGuard no_graph;
      kernel = weighted_kernel(kernel, loss, context.model.predict(theta, inputs), examples.targets.to(dtype_));
    }
    const KernelNorms norms = kernel_norms(std::move(kernel), settings, full_);
    std::size_t column = 0;
    out[column++] = norms.K;
    if (full_) out[column++] = norms.K_full.value();
    for (const double value : {norms.K_block, norms.K_hd, norms.K_tr, norms.ntk_lambda_max, norms.ntk_trace}) {
      out[column++] = value;
    }
    if (!is_squared(loss)) out[column++] = trace_noise(context, norms.ntk_trace);
  }

 private:
  c10::ScalarType dtype_;
  bool full_;
  Json examples_;  // of measured_examples
};

class KernelNormFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    const Json& dataset = experiment.at("dataset");
    const DatasetFamily& family = dataset_family(dataset.at("name").get_ref<const std::string&>());
    Json result = {{"precision", read_precision(reader, "float64")}, {"full", reader.boolean("full", false)}};
    read_measured_examples(reader, result, experiment);
    const std::int64_t rows = measured_count(result, family.measured_count(dataset)) * family.outputs(dataset);
    if (rows > kMaxKernelRows) {
      reader.fail("", "needs the eigenvectors of an NTK of " + std::to_string(rows) +
                          " rows (training examples x outputs), and LAPACK takes at most " +
                          std::to_string(kMaxKernelRows) + ": choose a smaller train, or fewer examples");
    }
    reader.finish();
    return result;
  }

  std::vector<Column> columns(const Json& canonical, const Json& experiment) const override {
    const bool squared = is_squared(loss_named(experiment.at("loss").get<std::string>()));
    std::vector<Column> result = {
        {"K", "1", "noise kernel norm; SGD of the linearised model is unstable above 1"},
        {"K_block", "1", "K from the examples' own kernel blocks; a lower bound of K without momentum and L2"},
        {"K_hd", "1", "K for delocalised eigenvectors"},
        {"K_tr", "1", "K for delocalised eigenvectors and small learning rate, from the trace"}};
    if (squared) {
      result.push_back({"ntk_lambda_max", "1", "largest eigenvalue of the empirical NTK J J^T / D"});
      result.push_back({"ntk_trace", "1", "trace of the empirical NTK J J^T / D"});
    } else {
      result.push_back({"gn_lambda_max", "1", "largest eigenvalue of the Gauss-Newton matrix of the training loss"});
      result.push_back({"gn_trace", "1", "trace of the Gauss-Newton matrix of the training loss"});
      result.push_back(trace_noise_column(experiment));
    }
    if (canonical.at("full").get<bool>()) {
      result.insert(result.begin() + 1, {"K_full", "1", "K without the restriction to the NTK's eigenbasis diagonal"});
    }
    return result;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<KernelNorm>(scalar_type_of(canonical.at("precision").get<std::string>()),
                                        canonical.at("full").get<bool>(), canonical.value("examples", Json()));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t outputs,
                           double forward_flops) const override {
    const double n = static_cast<double>(measured_count(canonical, examples) * outputs);
    // Measured at n = 2560 on one core: 3.0 s for the eigenvectors, 0.1 s for K. The Gram products of the NTK take n²
    // products of vectors as long as all layers together, about 2 √flops of one example.
    const double eigenvectors = 3.0 * std::pow(n / 2560, 3);
    const double iterations = 0.1 * static_cast<double>(outputs) * std::pow(n / 2560, 2);
    const double gram = 4 * n * n * std::sqrt(forward_flops) / 50e9;
    // K_full: pairs of n × n products of 1.4 s, 15 to 25 of them with one output and 20 to 70 with more.
    const double pairs = !canonical.at("full").get<bool>() ? 0 : outputs == 1 ? 20 : 40;
    const double full = 1.4 * pairs * std::pow(n / 2560, 3);
    const bool half = canonical.at("precision").get<std::string>() == "float32";
    return (eigenvectors + iterations + gram + full) * (half ? 0.5 : 1.0);
  }
};

const RegisterMeasurement registered{"kernel_norm", std::make_unique<KernelNormFamily>()};

}  // namespace
}  // namespace edgesweep
