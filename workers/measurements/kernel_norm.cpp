#include "workers/linalg/kernel_norm.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "workers/measurements/measured_examples.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

/// K and its approximations (theory.md section 3) from the NTK of the training set or, by an estimate, of a part of it.
class KernelNorm final : public Measurement {
 public:
  KernelNorm(c10::ScalarType dtype, bool full, Json examples)
      : dtype_(dtype), full_(full), examples_(std::move(examples)) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const at::Tensor inputs = measured_examples(examples_, context.data.train).inputs.to(dtype_);
    KernelNormSettings settings;
    settings.eta = context.eta * squared_loss_scale(context.optimizer.loss);
    settings.batch = context.batch;
    settings.momentum = context.optimizer.momentum;
    settings.l2 = context.optimizer.l2;
    settings.outputs = context.model.outputs();
    settings.examples = context.data.train.count();
    const KernelNorms norms = kernel_norms(context.model.ntk(context.theta.to(dtype_), inputs), settings, full_);
    std::size_t column = 0;
    out[column++] = norms.K;
    if (full_) out[column++] = norms.K_full.value();
    for (const double value : {norms.K_block, norms.K_hd, norms.K_tr, norms.ntk_lambda_max, norms.ntk_trace}) {
      out[column++] = value;
    }
  }

 private:
  c10::ScalarType dtype_;
  bool full_;
  Json examples_;  // of measured_examples
};

class KernelNormFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    if (!is_squared(loss_named(experiment.at("loss").get<std::string>()))) {
      reader.fail("", "is of a squared loss (mse, mse_sum), and the loss is " + experiment.at("loss").get<std::string>());
    }
    const Json& dataset = experiment.at("dataset");
    const DatasetFamily& family = dataset_family(dataset.at("name").get_ref<const std::string&>());
    Json result = {{"precision", read_precision(reader, "float64")}, {"full", reader.boolean("full", false)}};
    read_measured_examples(reader, result, experiment);
    const std::int64_t rows = measured_count(result, family.train_count(dataset)) * family.outputs(dataset);
    if (rows > kMaxKernelRows) {
      reader.fail("", "needs the eigenvectors of an NTK of " + std::to_string(rows) +
                          " rows (training examples x outputs), and LAPACK takes at most " +
                          std::to_string(kMaxKernelRows) + ": choose a smaller train, or fewer examples");
    }
    reader.finish();
    return result;
  }

  std::vector<Column> columns(const Json& canonical, const Json&) const override {
    std::vector<Column> result = {
        {"K", "1", "noise kernel norm; SGD of the linearised model is unstable above 1"},
        {"K_block", "1", "K from the examples' own kernel blocks; a lower bound of K without momentum and L2"},
        {"K_hd", "1", "K for delocalised eigenvectors"},
        {"K_tr", "1", "K for delocalised eigenvectors and small learning rate, from the trace"},
        {"ntk_lambda_max", "1", "largest eigenvalue of the empirical NTK J J^T / D"},
        {"ntk_trace", "1", "trace of the empirical NTK J J^T / D"}};
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
