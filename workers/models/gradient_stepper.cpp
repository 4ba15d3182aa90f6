#include "workers/models/gradient_stepper.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

#include "workers/models/check_batch.hpp"

namespace edgesweep {
namespace {

/// The chosen rows; the examples themselves where all are chosen in order, as of a batch that was made for its step.
Examples rows_of(const Examples& train, std::span<const std::int64_t> batch) {
  bool all = static_cast<std::int64_t>(batch.size()) == train.count();
  for (std::size_t i = 0; all && i < batch.size(); ++i) all = batch[i] == static_cast<std::int64_t>(i);
  if (all) return {train.inputs, train.targets, {}};
  const at::Tensor rows =
      at::tensor(at::ArrayRef<std::int64_t>(batch.data(), batch.size()), at::kLong).to(train.inputs.device());
  return {train.inputs.index_select(0, rows), train.targets.index_select(0, rows), {}};
}

}  // namespace

GradientStepper::GradientStepper(const Model& model, at::Tensor theta, at::Tensor velocity, Examples train,
                                 const SgdOptions& options, std::int64_t batch_size)
    : model_(model),
      theta_(std::move(theta)),
      velocity_(std::move(velocity)),
      train_(std::move(train)),
      options_(options),
      batch_size_(batch_size) {
  if (options_.l2 == 0 || !options_.l2_on_weights) return;
  decaying_ = at::zeros({theta_.size(0)}, theta_.options());
  for (const Parameter& parameter : model_.parameters()) {
    if (parameter.decays) decaying_.narrow(0, parameter.offset, parameter.count).fill_(1);
  }
}

double GradientStepper::step(std::span<const std::int64_t> batch, double eta) {
  check_batch(batch, batch_size_, train_.count());
  const Examples now = rows_of(train_, batch);
  const at::Tensor x = options_.bfloat16 ? now.inputs.to(at::kBFloat16) : now.inputs;
  auto [loss, g] = model_.loss_and_gradient(theta_, x, now.targets, options_.loss);
  const at::NoGradGuard no_graph;
  if (decaying_.defined()) {
    g.addcmul_(theta_, decaying_, options_.l2);
  } else if (options_.l2 != 0) {
    g.add_(theta_, options_.l2);
  }
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
