#include "workers/models/model.hpp"

#include <ATen/ATen.h>

namespace edgesweep {

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters()) count += parameter.count;
  return count;
}

at::Tensor Model::gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                           Loss loss) const {
  return loss_and_gradient(theta, inputs, targets, loss).gradient;
}

at::Tensor Model::example_kernels(const at::Tensor& theta, const at::Tensor& inputs) const {
  const at::Tensor all = at::eye(outputs(), theta.options()).expand({inputs.size(0), outputs(), outputs()});
  return projected_kernels(theta, inputs, all);
}

}  // namespace edgesweep
