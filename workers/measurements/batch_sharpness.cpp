#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "workers/measurements/monte_carlo.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

/// Rows of one pass over several draws.
constexpr std::int64_t pass_rows = 256;

/// E_B[g·H_B g / ‖g‖²] over mini-batches, with g the batch's gradient and H_B its Hessian (theory.md section 4; Andreyev &
/// Beneventano 2024, arXiv 2412.20553), and the other order, E_B[g·H_B g] / E_B[‖g‖²].
class BatchSharpness final : public Measurement {
 public:
  BatchSharpness(const StopRule& rule, c10::ScalarType dtype) : rule_(rule), dtype_(dtype) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    BatchDraws draws(context);
    const at::Tensor theta = context.theta.to(dtype_);
    const std::int64_t most = draws.is_full() ? 1 : rule_.max_draws;
    const std::int64_t in_pass = std::clamp<std::int64_t>(pass_rows / context.batch, 1, 16);
    RunningMean quotient;
    double curvatures = 0, squares = 0;
    for (std::int64_t first = 0; first < most && !quotient.is_enough(rule_); first += in_pass) {
      const std::int64_t count = std::min(in_pass, most - first);
      const Examples batch = draws.take(first, count);
      const at::Tensor values =
          context.model
              .gradient_curvatures(theta, batch.inputs.to(dtype_), batch.targets.to(dtype_), context.batch,
                                   context.optimizer.loss)
              .cpu();
      const auto value = values.accessor<double, 2>();
      for (std::int64_t k = 0; k < count; ++k) {
        curvatures += value[k][0];
        squares += value[k][1];
        if (value[k][1] > 0) quotient.add(value[k][0] / value[k][1]);  // a batch without gradient has no direction
      }
    }
    out[0] = quotient.count() > 0 ? quotient.mean() : std::numeric_limits<double>::quiet_NaN();
    out[1] = draws.is_full() ? 0 : quotient.standard_error();
    out[2] = static_cast<double>(quotient.count());
    out[3] = curvatures / squares;
  }

 private:
  StopRule rule_;
  c10::ScalarType dtype_;
};

class BatchSharpnessFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    Json canonical;
    read_stop_rule(reader, canonical, {});
    canonical["precision"] = read_precision(reader, "float32");
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json&) const override {
    return {{"batch_sharpness", "1", "mean over mini-batches of g.Hg / |g|^2, g and H of the batch"},
            {"batch_sharpness_sem", "1", "standard error of batch_sharpness"},
            {"batch_sharpness_count", "1", "mini-batches that batch_sharpness was averaged over"},
            {"batch_sharpness_ratio", "1", "mean of g.Hg over mean of |g|^2 over the same mini-batches"}};
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<BatchSharpness>(stop_rule_of(canonical),
                                            scalar_type_of(canonical.at("precision").get<std::string>()));
  }

  // B is not known here: as if it were 16. A gradient and a Hessian-vector product are about 12 multiply–adds.
  double predicted_seconds(const Json& canonical, std::int64_t, std::int64_t, double forward_flops) const override {
    return canonical.at("draws").get<double>() / 2 * 12 * 16 * forward_flops / 50e9;
  }
};

const RegisterMeasurement registered{"batch_sharpness", std::make_unique<BatchSharpnessFamily>()};

}  // namespace
}  // namespace edgesweep
