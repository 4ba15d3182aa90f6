#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>
#include <vector>

#include "workers/models/chunks.hpp"
#include "workers/models/layered_model.hpp"

namespace edgesweep {

void LayeredModel::tell_loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets, Loss loss,
                                          GradientListener& listener) const {
  const at::AutoGradMode graph(true);
  at::Tensor total = at::zeros({}, theta.options().dtype(at::kDouble).requires_grad(false));
  std::vector<at::Tensor> gradients(parameters_.size());
  for_each_chunk(inputs.size(0), settings_.chunk, [&](std::int64_t first, std::int64_t rows, double share) {
    const at::Tensor x = inputs.narrow(0, first, rows), y = targets.narrow(0, first, rows);
    const bool mixed = x.scalar_type() == at::kBFloat16, last = first + rows == inputs.size(0);
    // A leaf each: autograd hands over a leaf's gradient as soon as it is complete, while the layers before wait.
    std::vector<at::Tensor> leaves;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor values = theta.detach().narrow(0, parameters_[i].offset, parameters_[i].count);
      leaves.push_back((mixed ? values.to(at::kBFloat16) : values.detach()).requires_grad_(true));
      leaves.back().register_hook([&, i, share, last](const at::Tensor& g) {
        const at::NoGradGuard no_graph;
        const at::Tensor part = g.to(theta.scalar_type());
        if (share == 1) return listener.part_made(i, part);  // nothing to add to it: it is not kept
        if (!gradients[i].defined()) {
          gradients[i] = part * share;
        } else {
          gradients[i].add_(part, share);
        }
        if (last) listener.part_made(i, gradients[i]);
      });
    }
    const at::Tensor value = loss_value(loss, run_on(std::move(leaves), x, nullptr).to(y.scalar_type()), y);
    total.add_(value.detach().to(at::kDouble) * share);
    if (last) listener.loss_made(total);
    torch::autograd::backward({value}, {});
  });
}

}  // namespace edgesweep
