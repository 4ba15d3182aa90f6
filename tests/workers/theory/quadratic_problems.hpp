#pragma once

#include "workers/theory/quadratic_problem.hpp"

namespace edgesweep::testing {

inline QuadraticSettings small_settings(std::int64_t examples, std::int64_t parameters, std::int64_t replicas,
                                        bool antithetic = true) {
  QuadraticSettings settings;
  settings.examples = examples;
  settings.parameters = parameters;
  settings.seed = 3;
  settings.curvature = {0.02, 0.0};
  settings.residual_variance = 1.5;
  settings.replicas = replicas;
  settings.antithetic = antithetic;
  settings.replicas_per_curvature = antithetic ? 2 : 1;
  return settings;
}

}  // namespace edgesweep::testing
