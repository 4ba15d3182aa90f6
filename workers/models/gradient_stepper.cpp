#include "workers/models/gradient_stepper.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "workers/models/check_batch.hpp"

namespace edgesweep {

GradientStepper::GradientStepper(const Model& model, at::Tensor theta, at::Tensor velocity, Examples train,
                                 const SgdOptions& options, std::int64_t batch_size)
    : model_(model),
      theta_(std::move(theta)),
      velocity_(std::move(velocity)),
      train_(std::move(train)),
      options_(options),
      batch_size_(batch_size) {}

double GradientStepper::step(std::span<const std::int64_t> batch, double eta) {
  check_batch(batch, batch_size_, train_.count());
  const at::Tensor rows =
      at::tensor(at::ArrayRef<std::int64_t>(batch.data(), batch.size()), at::kLong).to(theta_.device());
  auto [loss, g] = model_.loss_and_gradient(theta_, train_.inputs.index_select(0, rows),
                                            train_.targets.index_select(0, rows), options_.loss);
  const at::NoGradGuard no_graph;
  if (options_.l2 != 0) g.add_(theta_, options_.l2);
  if (options_.momentum != 0) {
    velocity_.mul_(options_.momentum).add_(g);
    if (options_.nesterov) {
      g.add_(velocity_, options_.momentum);
    } else {
      g = velocity_;
    }
  }
  theta_.sub_(g, eta);
  return loss;
}

}  // namespace edgesweep
