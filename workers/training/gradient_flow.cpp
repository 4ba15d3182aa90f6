#include "workers/training/gradient_flow.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "workers/training/rk4.hpp"

namespace edgesweep {
namespace {

/// More Runge–Kutta steps than this in one step of a trial are taken for a lost λ_max or a typing error.
constexpr double most_steps = 1e6;

}  // namespace

Json canonical_gradient_flow(ObjectReader reader) {
  Json canonical;
  canonical["name"] = reader.choice("name", {"gradient_flow"});
  canonical["max_step"] = reader.number("max_step", Range::positive(), FlowSettings{}.max_step);
  canonical["step_scale"] = reader.number("step_scale", Range::positive(), FlowSettings{}.step_scale);
  reader.finish();
  return canonical;
}

std::optional<FlowSettings> flow_settings(const Json& experiment) {
  const Json& optimizer = experiment.at("optimizer");
  if (!optimizer.contains("name")) return std::nullopt;
  return FlowSettings{optimizer.at("max_step"), optimizer.at("step_scale")};
}

FlowSteps flow_steps(const FlowSettings& settings, double time, double lambda_max) {
  const double step =
      settings.step_scale * (lambda_max > 0 ? std::min(1 / lambda_max, settings.max_step) : settings.max_step);
  // A last step of nothing but rounding is none.
  constexpr double rounding = 1e-9;
  const double count = std::max(1.0, std::ceil(time / step - rounding));
  if (!(count <= most_steps)) {
    throw InputError("gradient flow", "a step of time " + Json(time).dump() + " takes more than 10^6 Runge-Kutta steps of " +
                                          Json(step).dump() + "; the largest Hessian eigenvalue is " + Json(lambda_max).dump());
  }
  return {static_cast<std::int64_t>(count), step, std::min(step, time - (count - 1) * step)};
}

Followed follow_gradient_flow(const Model& model, const at::Tensor& theta, const Examples& train, Loss loss,
                              const FlowSteps& steps) {
  Followed result{std::nan(""), theta};
  const Slope downhill = [&](const at::Tensor& at) {
    const LossGradient here = model.loss_and_gradient(at, train.inputs, train.targets, loss);
    if (std::isnan(result.loss)) result.loss = here.loss;
    return -here.gradient;
  };
  for (std::int64_t i = 0; i < steps.count; ++i) {
    result.theta = rk4_step(result.theta, i + 1 < steps.count ? steps.step : steps.last, downhill);
  }
  return result;
}

}  // namespace edgesweep
