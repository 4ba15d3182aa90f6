#pragma once

#include <cstdint>
#include <span>

#include "workers/models/model.hpp"

namespace edgesweep {

/// SGD with what Model::loss_and_gradient gives.
class GradientStepper final : public SgdStepper {
 public:
  /// As Model::stepper; `model` must outlive it, too.
  GradientStepper(const Model& model, at::Tensor theta, at::Tensor velocity, Examples train, const SgdOptions& options,
                  std::int64_t batch_size);

  double step(std::span<const std::int64_t> batch, double eta) override;

 private:
  const Model& model_;
  at::Tensor theta_, velocity_;
  Examples train_;
  SgdOptions options_;
  std::int64_t batch_size_;
  at::Tensor decaying_;  // [P], 1 where ρ applies; only where that is not everywhere
};

}  // namespace edgesweep
