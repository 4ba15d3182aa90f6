#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "workers/models/mlp.hpp"
#include "workers/models/mlp_pass.hpp"

namespace edgesweep {

// g·Hg is the second derivative of the loss along g, so that forward passes of derivatives are enough; and g is a sum of B
// rank-one matrices V_l = s_l Σ δ_i h_iᵀ, so that products with it are products with a group's B × B Gram matrices:
//   G_l = s_l² h hᵀ + 1[bias],     a_l' = s_l h' W_lᵀ + G_l δ_l,    a_l'' = s_l h'' W_lᵀ + 2 s_l² (h' hᵀ) δ_l,
//   h_l' = φ' a_l',                h_l'' = φ'' a_l'² + φ' a_l'',    g·Hg = Σ_i f_i'·(∇²ℓ_i) f_i' + δ_i·f_i'',
// and ‖g‖² = Σ_i δ_i·f_i'. W_l is read three times for any number of groups, and no vector of θ's length is written.
at::Tensor Mlp::gradient_curvatures(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                    std::int64_t batch, Loss loss) const {
  const at::NoGradGuard no_graph;
  const std::int64_t rows = inputs.size(0), groups = rows / batch;
  if (batch > chunk_rows()) return Model::gradient_curvatures(theta, inputs, targets, batch, loss);
  const auto grouped = [&](const at::Tensor& t) { return t.view({groups, batch, -1}); };
  const MlpPass pass = forward_pass(*this, theta, inputs);
  std::vector<at::Tensor> deltas(static_cast<std::size_t>(layers())), slopes(deltas.size());
  deltas.back() = loss_gradient(loss, pass.outputs, targets).mul_(static_cast<double>(groups));
  for (std::size_t l = deltas.size() - 1; l-- > 0;) {
    slopes[l] = activation_derivative(settings_.activation, pass.preactivations[l]);
    deltas[l] = pull_back(*this, theta, static_cast<std::int64_t>(l) + 1, deltas[l + 1]).mul_(slopes[l]);
  }

  at::Tensor first, second;  // derivatives of the layer's input, then of a_l
  for (std::size_t l = 0; l < deltas.size(); ++l) {
    const double scale = weight_scale(static_cast<std::int64_t>(l));
    const at::Tensor h = grouped(pass.layer_inputs[l]), delta = grouped(deltas[l]);
    at::Tensor gram = at::bmm(h, h.transpose(1, 2)).mul_(scale * scale);
    if (settings_.bias) gram.add_(1);
    const at::Tensor pushed = at::bmm(gram, delta).view({rows, -1});
    if (l == 0) {
      first = pushed;
      second = at::zeros_like(pushed);
    } else {
      const at::Tensor cross = at::bmm(at::bmm(grouped(first), h.transpose(1, 2)), delta).view({rows, -1});
      const at::Tensor both =
          at::mm(at::cat({first, second}), weight(theta, static_cast<std::int64_t>(l)).t()).mul_(scale);
      first = both.narrow(0, 0, rows) + pushed;
      second = both.narrow(0, rows, rows).add(cross, 2 * scale * scale);
    }
    if (l + 1 == deltas.size()) break;
    const at::Tensor bend = activation_second_derivative(settings_.activation, pass.preactivations[l]);
    second = bend * first.square() + slopes[l] * second;
    first = slopes[l] * first;
  }
  const at::Tensor curved = loss_curvature(loss, pass.outputs, targets, first).mul_(static_cast<double>(groups));
  const auto of_groups = [&](const at::Tensor& t) { return t.to(at::kDouble).view({groups, -1}).sum(1); };
  return at::stack({of_groups(first * curved + deltas.back() * second), of_groups(deltas.back() * first)}, 1);
}

}  // namespace edgesweep
