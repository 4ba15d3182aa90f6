#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

const std::string default_precision = "float64";

constexpr std::int64_t chunk_rows = 512;

struct LossAndError {
  double loss;
  double error;
};

/// Misclassified rows: the sign of a single output, else the largest output, is not the target's. An output of exactly
/// 0 has no sign and NaN is no largest: both are wrong.
std::int64_t count_wrong(const at::Tensor& f, const at::Tensor& y) {
  const at::Tensor right = f.size(1) == 1
                               ? (f * y > 0).squeeze(1)
                               : at::logical_and(f.argmax(1) == y.argmax(1), at::isfinite(f.sum(1)));
  return f.size(0) - right.sum().item<std::int64_t>();
}

/// The loss and the fraction of wrong rows: outputs in θ's precision, sums in float64, in parts of some rows.
LossAndError evaluate(const Model& model, const at::Tensor& theta, const Examples& examples, Loss loss) {
  const std::int64_t count = examples.count();
  if (count == 0) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  const at::Tensor outputs = model.predict(theta, examples.inputs).to(at::kDouble);
  double sum = 0;
  std::int64_t wrong = 0;
  for (std::int64_t first = 0; first < count; first += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, count - first);
    const at::Tensor y = examples.targets.narrow(0, first, rows).to(at::kDouble);
    const at::Tensor f = outputs.narrow(0, first, rows);
    sum += static_cast<double>(rows) * loss_value(loss, f, y).item<double>();
    wrong += count_wrong(f, y);
  }
  const auto n = static_cast<double>(count);
  return {sum / n, static_cast<double>(wrong) / n};
}

class LossMeasurement final : public Measurement {
 public:
  explicit LossMeasurement(c10::ScalarType dtype) : dtype_(dtype) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const at::Tensor theta = context.theta.to(dtype_);
    const LossAndError train = evaluate(context.model, theta, context.data.train, context.optimizer.loss);
    const LossAndError test = evaluate(context.model, theta, context.data.test, context.optimizer.loss);
    out[0] = train.loss;
    out[1] = train.error;
    out[2] = test.loss;
    out[3] = test.error;
  }

 private:
  c10::ScalarType dtype_;
};

std::string description(Loss loss) {
  switch (loss) {
    case Loss::mse: return "mean squared error / 2";
    case Loss::mse_sum: return "mean squared error";
    case Loss::cross_entropy: return "mean cross-entropy";
    case Loss::logistic: return "mean logistic loss";
  }
  throw std::logic_error("unknown loss");
}

class LossFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    Json canonical = Json::object();
    // Only where it is not the default: sweeps from before there was a choice keep their keys.
    if (read_precision(reader, default_precision) != default_precision) canonical["precision"] = "float32";
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json& experiment) const override {
    const std::string what = description(loss_named(experiment.at("loss").get<std::string>()));
    return {{"train_loss", "1", what + " on the training examples, summed over outputs"},
            {"train_error", "1", "fraction of training examples with the wrong sign or largest output"},
            {"test_loss", "1", what + " on the test examples, summed over outputs"},
            {"test_error", "1", "fraction of test examples with the wrong sign or largest output"}};
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<LossMeasurement>(scalar_type_of(canonical.value("precision", default_precision)));
  }

  double predicted_seconds(const Json&, std::int64_t examples, std::int64_t, double forward_flops) const override {
    constexpr double kFlopsPerSecond = 50e9;  // float64 on one core
    constexpr double kTestShare = 1.4;        // test sets have some 40 % of the training examples
    return kTestShare * 2 * forward_flops * static_cast<double>(examples) / kFlopsPerSecond;
  }
};

const RegisterMeasurement registered{"loss", std::make_unique<LossFamily>()};

}  // namespace
}  // namespace edgesweep
