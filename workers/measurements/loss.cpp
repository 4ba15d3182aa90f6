#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "workers/data/streamed_examples.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

const std::string default_precision = "float64";

constexpr std::int64_t chunk_rows = 512;

constexpr std::int64_t best_outputs = 5;

struct Settings {
  c10::ScalarType dtype = c10::ScalarType::Double;
  bool top5 = false;
};

/// Sums over examples.
struct Sums {
  std::int64_t count = 0;
  double loss = 0;
  std::int64_t wrong = 0;
  std::int64_t wrong_top5 = 0;
};

/// Misclassified rows: the sign of a single output, else the largest output, is not the target's. An output of exactly
/// 0 has no sign and NaN is no largest: both are wrong.
std::int64_t count_wrong(const at::Tensor& f, const at::Tensor& y) {
  const at::Tensor right = f.size(1) == 1
                               ? (f * y > 0).squeeze(1)
                               : at::logical_and(f.argmax(1) == y.argmax(1), at::isfinite(f.sum(1)));
  return f.size(0) - right.sum().item<std::int64_t>();
}

/// Rows with five outputs or more above the target's, or not finite.
std::int64_t count_wrong_top5(const at::Tensor& f, const at::Tensor& y) {
  const at::Tensor own = f.gather(1, y.argmax(1, true));
  const at::Tensor right = at::logical_and((f > own).sum(1) < best_outputs, at::isfinite(f.sum(1)));
  return f.size(0) - right.sum().item<std::int64_t>();
}

/// Adds examples that are in memory: outputs in θ's precision, sums in float64, in parts of some rows.
void add(const Model& model, const at::Tensor& theta, const Examples& examples, Loss loss, bool top5, Sums& sums) {
  const at::Tensor outputs = model.predict(theta, examples.inputs).to(at::kDouble);
  for (std::int64_t first = 0; first < examples.count(); first += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, examples.count() - first);
    const at::Tensor y = examples.targets.narrow(0, first, rows).to(at::kDouble);
    const at::Tensor f = outputs.narrow(0, first, rows);
    sums.loss += static_cast<double>(rows) * loss_value(loss, f, y).item<double>();
    sums.wrong += count_wrong(f, y);
    if (top5) sums.wrong_top5 += count_wrong_top5(f, y);
  }
  sums.count += examples.count();
}

Sums sums_of_test_set(const MeasurementContext& context, const at::Tensor& theta, bool top5) {
  Sums sums;
  const Loss loss = context.optimizer.loss;
  if (context.data.test_stream) {
    // Whole chunks: with batch normalisation they are what outputs depend on.
    const std::int64_t rows = context.model.mixes_examples() ? context.model.chunk_rows() : chunk_rows;
    const StreamReader reader{theta.device(), [&](std::int64_t count) { return context.model.own_rows(count); }};
    context.data.test_stream->for_each_block(
        rows, reader, [&](const Examples& block) { add(context.model, theta, block, loss, top5, sums); });
  } else if (context.data.test.count() > 0) {
    add(context.model, theta, context.data.test, loss, top5, sums);
  }
  return sums;
}

class LossMeasurement final : public Measurement {
 public:
  explicit LossMeasurement(const Settings& settings) : settings_(settings) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const at::Tensor theta = context.theta.to(settings_.dtype);
    Sums train;
    add(context.model, theta, context.data.train, context.optimizer.loss, settings_.top5, train);
    const Sums test = sums_of_test_set(context, theta, settings_.top5);
    std::size_t column = 0;
    for (const Sums& sums : {train, test}) {
      const double count = sums.count > 0 ? static_cast<double>(sums.count) : std::numeric_limits<double>::quiet_NaN();
      out[column++] = sums.loss / count;
      out[column++] = static_cast<double>(sums.wrong) / count;
    }
    if (!settings_.top5) return;
    for (const Sums& sums : {train, test}) {
      const double count = sums.count > 0 ? static_cast<double>(sums.count) : std::numeric_limits<double>::quiet_NaN();
      out[column++] = static_cast<double>(sums.wrong_top5) / count;
    }
  }

 private:
  Settings settings_;
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
  Json canonical(ObjectReader reader, const Json& experiment) const override {
    Json canonical = Json::object();
    // Only where it is not the default: sweeps from before there was a choice keep their keys.
    if (read_precision(reader, default_precision) != default_precision) canonical["precision"] = "float32";
    if (reader.boolean("top5", false)) {
      const Json& dataset = experiment.at("dataset");
      const std::int64_t outputs = dataset_family(dataset.at("name").get_ref<const std::string&>()).outputs(dataset);
      if (outputs <= best_outputs) {
        reader.fail("top5", "is true, and the data set's target has " + std::to_string(outputs) + " output(s); 6 or more are allowed");
      }
      canonical["top5"] = true;
    }
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json& canonical, const Json& experiment) const override {
    const std::string what = description(loss_named(experiment.at("loss").get<std::string>()));
    std::vector<Column> columns{
        {"train_loss", "1", what + " on the training examples, summed over outputs"},
        {"train_error", "1", "fraction of training examples with the wrong sign or largest output"},
        {"test_loss", "1", what + " on the test examples, summed over outputs"},
        {"test_error", "1", "fraction of test examples with the wrong sign or largest output"}};
    if (canonical.contains("top5")) {
      columns.push_back({"train_top5_error", "1", "fraction of training examples whose class is not among the five largest outputs"});
      columns.push_back({"test_top5_error", "1", "fraction of test examples whose class is not among the five largest outputs"});
    }
    return columns;
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<LossMeasurement>(
        Settings{scalar_type_of(canonical.value("precision", default_precision)), canonical.contains("top5")});
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
