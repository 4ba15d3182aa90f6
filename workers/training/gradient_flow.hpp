#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/data/dataset.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// How dθ/dt = −∇L(θ) is integrated: Runge–Kutta steps of dt = step_scale · min(1/λ_max, max_step), λ_max the largest
/// eigenvalue of the Hessian at the last record (theory.md section 7, Cohen et al. 2021).
struct FlowSettings {
  double max_step = 1;    ///< of time, before it is scaled
  double step_scale = 1;  ///< 0.5 halves all steps: what is left of the trajectory's error is 1/16
};

/// Canonical form of `experiment.optimizer` with the name gradient_flow. Throws InputError.
Json canonical_gradient_flow(ObjectReader reader);

/// Of a canonical experiment; nothing if it is one of SGD.
std::optional<FlowSettings> flow_settings(const Json& experiment);

/// Lengths of the Runge–Kutta steps that make up `time` > 0: `count` − 1 of `step` and one of `last` ≤ `step`.
struct FlowSteps {
  std::int64_t count = 0;
  double step = 0;
  double last = 0;
};

/// With λ_max ≤ 0, or NaN before it is known, the steps are those of `max_step`. Throws InputError above 10⁶ steps.
FlowSteps flow_steps(const FlowSettings& settings, double time, double lambda_max);

/// L(θ(t)) on all of `train`, and θ(t + time), [P], in the precision of `theta`.
struct Followed {
  double loss = 0;
  at::Tensor theta;
};
Followed follow_gradient_flow(const Model& model, const at::Tensor& theta, const Examples& train, Loss loss,
                              const FlowSteps& steps);

}  // namespace edgesweep
