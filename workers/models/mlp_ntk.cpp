#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "workers/models/gram.hpp"
#include "workers/models/mlp.hpp"
#include "workers/models/mlp_pass.hpp"

namespace edgesweep {

// ∂f_c(x_i)/∂W_l = s_l Δ_{l,(i,c)} h_{l−1,i}ᵀ with Δ_l = ∂f/∂a_l, so that a layer adds
//   (s_l² h_{l−1} h_{l−1}ᵀ + 1[bias]) ∘ (Δ_l Δ_lᵀ)
// to N Θ̂ (theory.md section 3, notes): products of N-row matrices, never the N·C × P Jacobian. Three matrices
// of (N·C)² values or less are alive at a time: the sum, and one Gram matrix of each kind.
at::Tensor Mlp::ntk(const at::Tensor& theta, const at::Tensor& inputs) const {
  const at::NoGradGuard no_graph;
  const std::int64_t examples = inputs.size(0), outputs = this->outputs(), rows = examples * outputs;
  const MlpPass pass = forward_pass(*this, theta, inputs);

  at::Tensor sum = at::zeros({rows, rows}, theta.options());
  at::Tensor input_gram = at::empty({examples, examples}, theta.options());
  at::Tensor delta_gram;
  at::Tensor delta;  // (N·C) × out
  for (std::int64_t l = layers() - 1; l >= 0; --l) {
    const double scale = weight_scale(l) * weight_scale(l);
    gram_lower(pass.layer_inputs[l], input_gram);
    if (l < layers() - 1) {
      if (!delta_gram.defined()) delta_gram = at::empty({rows, rows}, theta.options());
      gram_lower(delta, delta_gram);
    }
    add_weighted_gram(input_gram, scale, settings_.bias ? 1 : 0, delta_gram, sum);
    if (l == 0) break;
    // Above the last layer Δ is the identity for every example, and the product with W_L is W_L itself.
    const at::Tensor pulled =
        l == layers() - 1 ? (weight(theta, l) * weight_scale(l)).unsqueeze(0).expand({examples, outputs, -1})
                          : pull_back(*this, theta, l, delta).view({examples, outputs, -1});
    const at::Tensor slope =
        activation_derivative(settings_.activation, pass.preactivations[l - 1]).unsqueeze(1);
    delta = (pulled * slope).view({rows, -1});
  }
  scale_and_mirror(sum, 1 / static_cast<double>(examples));
  return sum;
}

// One example's block of the same sum: its own norms in place of the Gram matrices between examples.
at::Tensor Mlp::projected_kernels(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& directions) const {
  const at::NoGradGuard no_graph;
  const std::int64_t examples = inputs.size(0), each = directions.size(1);
  const MlpPass pass = forward_pass(*this, theta, inputs);
  at::Tensor sum = at::zeros({examples, each, each}, theta.options());
  at::Tensor delta = directions;
  for (std::int64_t l = layers() - 1; l >= 0; --l) {
    const double scale = weight_scale(l);
    const at::Tensor norms = pass.layer_inputs[l].square().sum(1).mul_(scale * scale).add_(settings_.bias ? 1 : 0);
    sum.add_(at::bmm(delta, delta.transpose(1, 2)).mul_(norms.view({examples, 1, 1})));
    if (l == 0) break;
    const at::Tensor slope = activation_derivative(settings_.activation, pass.preactivations[l - 1]).unsqueeze(1);
    delta = at::matmul(delta, weight(theta, l)).mul_(scale).mul(slope);
  }
  return sum;
}

}  // namespace edgesweep
