#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "engine/base/json.hpp"
#include "workers/theory/linear_constants.hpp"
#include "workers/theory/linear_data.hpp"
#include "workers/training/dynamics.hpp"

namespace edgesweep {

/// SGD on a linear model, in the mean (second_moment.hpp) and in simulated runs (residual_replicas.hpp); of either what is
/// measured.
class LinearTraining final : public DynamicsFactory {
 public:
  /// Canonical `experiment` and `measure` of a linear sweep. Tensors go to `device`.
  LinearTraining(Json experiment, Json measure, LinearProblem problem, at::Device device);

  std::unique_ptr<Dynamics> make(const Trial& trial) override;

 private:
  Json experiment_;
  Json measure_;
  LinearProblem problem_;
  LinearConstants constants_;
};

}  // namespace edgesweep
