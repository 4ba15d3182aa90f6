#include "workers/models/mlp_pass.hpp"

#include <ATen/ATen.h>

namespace edgesweep {

at::Tensor apply_layer(const Mlp& mlp, const at::Tensor& theta, std::int64_t layer, const at::Tensor& input) {
  const at::Tensor weight = mlp.weight(theta, layer).t();
  const at::Tensor bias = mlp.bias(theta, layer);
  const double scale = mlp.weight_scale(layer);
  if (bias.defined()) return at::addmm(bias, input, weight, 1, scale);
  return scale == 1 ? at::mm(input, weight) : at::mm(input, weight) * scale;
}

at::Tensor pull_back(const Mlp& mlp, const at::Tensor& theta, std::int64_t layer, const at::Tensor& delta) {
  at::Tensor result = at::mm(delta, mlp.weight(theta, layer));
  const double scale = mlp.weight_scale(layer);
  return scale == 1 ? result : result.mul_(scale);
}

MlpPass forward_pass(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& inputs) {
  MlpPass pass;
  pass.layer_inputs.push_back(inputs);
  for (std::int64_t l = 0; l < mlp.layers(); ++l) {
    at::Tensor a = apply_layer(mlp, theta, l, pass.layer_inputs.back());
    if (l == mlp.layers() - 1) {
      pass.outputs = std::move(a);
    } else {
      pass.layer_inputs.push_back(activate(mlp.settings().activation, a));
      pass.preactivations.push_back(std::move(a));
    }
  }
  return pass;
}

}  // namespace edgesweep
