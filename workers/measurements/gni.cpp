#include <ATen/ATen.h>

#include <limits>

#include "workers/measurements/monte_carlo.hpp"
#include "workers/measurements/precision.hpp"

namespace edgesweep {
namespace {

/// Gradient–noise interaction E_B[g_B·H g_B] / ‖∇L‖² and the sharpness along SGD's steps E_B[g_B·H g_B / ‖g_B‖²], with the
/// gradient g_B of a mini-batch and the Hessian H of the full training loss (theory.md section 4).
class GradientNoiseInteraction final : public Measurement {
 public:
  GradientNoiseInteraction(const StopRule& rule, c10::ScalarType dtype) : rule_(rule), dtype_(dtype) {}

  void measure(const MeasurementContext& context, std::span<double> out) override {
    const Examples& train = context.data.train;
    const Loss loss = context.optimizer.loss;
    const at::Tensor theta = context.theta.to(dtype_), inputs = train.inputs.to(dtype_), targets = train.targets.to(dtype_);
    const auto hessian = context.model.hessian(theta, inputs, targets, loss);
    const at::Tensor full = context.model.gradient(theta, inputs, targets, loss);
    const double full_square = dot(full, full);
    BatchDraws draws(context);
    const std::int64_t most = draws.is_full() ? 1 : rule_.max_draws;
    RunningMean interaction, along_steps;
    for (std::int64_t draw = 0; draw < most && !interaction.is_enough(rule_); ++draw) {
      const Examples batch = draws.take(draw, 1);
      const at::Tensor g = context.model.gradient(theta, batch.inputs.to(dtype_), batch.targets.to(dtype_), loss);
      const double curvature = dot(g, hessian->apply(g)), square = dot(g, g);
      interaction.add(curvature / full_square);
      if (square > 0) along_steps.add(curvature / square);
    }
    const auto sem = [&](const RunningMean& mean) { return draws.is_full() ? 0 : mean.standard_error(); };
    out[0] = interaction.mean();
    out[1] = sem(interaction);
    out[2] = static_cast<double>(interaction.count());
    out[3] = along_steps.count() > 0 ? along_steps.mean() : std::numeric_limits<double>::quiet_NaN();
    out[4] = sem(along_steps);
  }

 private:
  static double dot(const at::Tensor& a, const at::Tensor& b) { return (a * b).sum(at::kDouble).item<double>(); }

  StopRule rule_;
  c10::ScalarType dtype_;
};

class GniFamily final : public MeasurementFamily {
 public:
  Json canonical(ObjectReader reader, const Json&) const override {
    Json canonical;
    read_stop_rule(reader, canonical, {.min_draws = 20, .max_draws = 500, .tolerance = 0.02});
    canonical["precision"] = read_precision(reader, "float32");
    reader.finish();
    return canonical;
  }

  std::vector<Column> columns(const Json&, const Json&) const override {
    return {{"gni", "1", "mean over mini-batches of g.Hg over the squared norm of the full gradient, H of the training loss"},
            {"gni_sem", "1", "standard error of gni"},
            {"gni_count", "1", "mini-batches that gni and step_sharpness were averaged over"},
            {"step_sharpness", "1", "mean over mini-batches of g.Hg / |g|^2, H of the training loss"},
            {"step_sharpness_sem", "1", "standard error of step_sharpness"}};
  }

  std::unique_ptr<Measurement> make(const Json& canonical) const override {
    return std::make_unique<GradientNoiseInteraction>(stop_rule_of(canonical),
                                                      scalar_type_of(canonical.at("precision").get<std::string>()));
  }

  double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t, double forward_flops) const override {
    return canonical.at("draws").get<double>() / 2 * 12 * forward_flops * static_cast<double>(examples) / 100e9;
  }
};

const RegisterMeasurement registered{"gni", std::make_unique<GniFamily>()};

}  // namespace
}  // namespace edgesweep
