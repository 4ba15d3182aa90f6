#include "workers/linalg/kernel_norm.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

class KernelNorm final : public Measurement {
 public:
  explicit KernelNorm(c10::ScalarType dtype) : dtype_(dtype) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const at::Tensor inputs = context.data.train.inputs.to(dtype_);
    KernelNormSettings settings;
    settings.eta = context.eta;
    settings.batch = context.batch;
    settings.momentum = context.optimizer.momentum;
    settings.l2 = context.optimizer.l2;
    settings.outputs = context.model.outputs();
    const KernelNorms norms = kernel_norms(context.model.ntk(context.theta.to(dtype_), inputs), settings);
    out[0] = norms.K;
    out[1] = norms.K_block;
    out[2] = norms.K_hd;
    out[3] = norms.K_tr;
    out[4] = norms.ntk_lambda_max;
    out[5] = norms.ntk_trace;
  }

 private:
  c10::ScalarType dtype_;
};

class KernelNormFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    const Json& dataset = experiment.at("dataset");
    const DatasetFamily& family = dataset_family(dataset.at("name").get_ref<const std::string&>());
    const std::int64_t rows = family.train_count(dataset) * family.outputs(dataset);
    if (rows > kMaxKernelRows) {
      reader.fail("", "needs the eigenvectors of an NTK of " + std::to_string(rows) +
                          " rows (training examples x outputs), and LAPACK takes at most " +
                          std::to_string(kMaxKernelRows) + ": choose a smaller train");
    }
    Json result = {{"precision", read_precision(reader, "float64")}};
    reader.finish();
    return result;
  }

  std::vector<Column> columns(const Json&) const override {
    return {{"K", "1", "noise kernel norm; SGD of the linearised model is unstable above 1"},
            {"K_block", "1", "K from the examples' own kernel blocks; a lower bound of K without momentum and L2"},
            {"K_hd", "1", "K for delocalised eigenvectors"},
            {"K_tr", "1", "K for delocalised eigenvectors and small learning rate, from the trace"},
            {"ntk_lambda_max", "1", "largest eigenvalue of the empirical NTK J J^T / D"},
            {"ntk_trace", "1", "trace of the empirical NTK J J^T / D"}};
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<KernelNorm>(scalar_type_of(canonical.at("precision").get<std::string>()));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t outputs,
                           double forward_flops) const override {
    const double n = static_cast<double>(examples * outputs);
    // Measured at n = 2560 on one core: 3.0 s for the eigenvectors, 0.1 s for K. The Gram products of the NTK take n²
    // products of vectors as long as all layers together, about 2 √flops of one example.
    const double eigenvectors = 3.0 * std::pow(n / 2560, 3);
    const double iterations = 0.1 * static_cast<double>(outputs) * std::pow(n / 2560, 2);
    const double gram = 4 * n * n * std::sqrt(forward_flops) / 50e9;
    const bool half = canonical.at("precision").get<std::string>() == "float32";
    return (eigenvectors + iterations + gram) * (half ? 0.5 : 1.0);
  }
};

const RegisterMeasurement registered{"kernel_norm", std::make_unique<KernelNormFamily>()};

}  // namespace
}  // namespace edgesweep
