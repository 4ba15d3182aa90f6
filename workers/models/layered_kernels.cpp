#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <stdexcept>

#include "workers/models/layered_model.hpp"

// Kernels of a network of layers from the inputs x of its layers and the sensitivities δ = ∂f/∂(output): with positions t
// (of a convolution's output, of a sequence) the derivative by W of output c of example i is Σ_t δ_{ict} x_itᵀ, by b
// Σ_t δ_{ict}. Neither per-example gradients of all layers nor a Jacobian are ever in memory.
namespace edgesweep {
namespace {

/// Values that a block of per-example derivatives may take.
constexpr std::int64_t block_values = std::int64_t{1} << 24;

/// Of one layer, for n examples and C outputs, or C directions in output space.
struct Derivatives {
  at::Tensor x;  ///< n × T × in: what each output position comes from; not defined where the layer only scales or shifts
  at::Tensor delta;  ///< n × C × T × out
  at::Tensor direct; ///< n × C × values: derivatives that are there as they are (γ and β of a norm, an offset)
  bool bias = false;
};

/// The positions' inputs of a convolution as rows.
at::Tensor patches(const at::Tensor& x, std::int64_t kernel, const Layer& layer) {
  return at::im2col(x, {kernel, kernel}, {1, 1}, {layer.padding, layer.padding}, {layer.stride, layer.stride})
      .transpose(1, 2);
}

Derivatives derivatives_of(const Layer& layer, const LayerUse& use, const at::Tensor& delta, std::int64_t kernel) {
  const std::int64_t n = delta.size(0), outputs = delta.size(1);
  Derivatives d;
  d.bias = layer.bias >= 0;
  const at::Tensor input = use.input.detach();
  if (layer.kind == Layer::Kind::offset) {
    d.direct = delta.flatten(2);
  } else if (layer.kind == Layer::Kind::norm) {
    const bool image = input.dim() == 4;
    const at::Tensor by_scale = delta * input.unsqueeze(1);
    const auto over_positions = [&](const at::Tensor& t) {
      if (image) return t.sum({3, 4});
      if (t.dim() == 3) return t;  // one position
      return t.flatten(2, -2).sum(2);
    };
    d.direct = at::cat({over_positions(by_scale), over_positions(delta)}, 2);
  } else if (layer.kind == Layer::Kind::convolution) {
    d.x = patches(input, kernel, layer);
    d.delta = delta.flatten(3).transpose(2, 3);
  } else {
    d.x = input.reshape({n, -1, input.size(-1)});
    d.delta = delta.reshape({n, outputs, -1, delta.size(-1)});
  }
  return d;
}

/// Adds the layer's part of every example's k_i = J_i J_iᵀ, n × C × C.
void add_example_kernels(const Derivatives& d, at::Tensor& sum) {
  const auto add_gram = [&](const at::Tensor& j) { sum.add_(at::bmm(j, j.transpose(1, 2))); };
  if (d.direct.defined()) return add_gram(d.direct);
  const std::int64_t n = d.delta.size(0), outputs = d.delta.size(1), positions = d.delta.size(2), out = d.delta.size(3),
                     in = d.x.size(2);
  if (d.bias) add_gram(d.delta.sum(2));
  if (positions <= in) {
    // Σ_{t,t'} (x_t·x_t') (δ_ct·δ_c't')
    const at::Tensor gram = at::bmm(d.x, d.x.transpose(1, 2)).unsqueeze(1);
    const at::Tensor mixed = at::matmul(gram, d.delta).reshape({n, outputs, positions * out});
    sum.add_(at::bmm(mixed, d.delta.reshape({n, outputs, positions * out}).transpose(1, 2)));
    return;
  }
  const std::int64_t examples = std::max<std::int64_t>(1, block_values / (outputs * out * in));
  for (std::int64_t first = 0; first < n; first += examples) {
    const std::int64_t count = std::min(examples, n - first);
    const at::Tensor delta = d.delta.narrow(0, first, count).transpose(2, 3).reshape({count, outputs * out, positions});
    const at::Tensor j = at::bmm(delta, d.x.narrow(0, first, count)).view({count, outputs, out * in});
    sum.narrow(0, first, count).add_(at::bmm(j, j.transpose(1, 2)));
  }
}

/// Adds the layer's part of J Jᵀ, (n·C) × (n·C).
void add_kernel(const Derivatives& d, at::Tensor& sum) {
  const std::int64_t rows = sum.size(0);
  const auto add_gram = [&](const at::Tensor& j) {
    const at::Tensor flat = j.reshape({rows, -1});
    sum.addmm_(flat, flat.t());
  };
  if (d.direct.defined()) return add_gram(d.direct);
  const std::int64_t n = d.delta.size(0), outputs = d.delta.size(1), positions = d.delta.size(2), out = d.delta.size(3),
                     in = d.x.size(2);
  if (d.bias) add_gram(d.delta.sum(2));
  if (positions == 1) {
    const at::Tensor x = d.x.reshape({n, in}), delta = d.delta.reshape({rows, out});
    const at::Tensor between = delta.mm(delta.t()).view({n, outputs, n, outputs});
    sum.view({n, outputs, n, outputs}).add_(between.mul_(x.mm(x.t()).view({n, 1, n, 1})));
    return;
  }
  const std::int64_t channels = std::max<std::int64_t>(1, block_values / (rows * in));
  for (std::int64_t first = 0; first < out; first += channels) {
    const std::int64_t count = std::min(channels, out - first);
    const at::Tensor delta = d.delta.narrow(3, first, count).transpose(2, 3).reshape({n, outputs * count, positions});
    add_gram(at::bmm(delta, d.x));
  }
}

}  // namespace

/// Calls visit(derivatives of the outputs along `directions`, n × R × C) for every layer that they depend on.
template <typename Visit>
void LayeredModel::for_each_layer(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& directions,
                                  Visit visit) const {
  if (mixes_examples()) throw std::logic_error("no kernels of single examples in a model that mixes them");
  std::vector<LayerUse> uses;
  at::Tensor f;
  {
    const at::AutoGradMode graph(true);
    f = run_on(theta.detach().requires_grad_(true), inputs, &uses);
  }
  std::vector<at::Tensor> outputs;
  for (const LayerUse& use : uses) outputs.push_back(use.output);
  std::vector<std::vector<at::Tensor>> deltas(uses.size());
  for (std::int64_t r = 0; r < directions.size(1); ++r) {
    const auto by_output = torch::autograd::grad({f}, outputs, {directions.select(1, r).contiguous()}, true, false, true);
    for (std::size_t u = 0; u < uses.size(); ++u) {
      deltas[u].push_back(by_output[u].defined() ? by_output[u] : at::zeros_like(outputs[u]));
    }
  }
  const at::NoGradGuard no_graph;
  for (std::size_t u = 0; u < uses.size(); ++u) {
    const Layer& layer = layers_[static_cast<std::size_t>(uses[u].layer)];
    const at::Tensor delta = at::stack(deltas[u], 1);
    deltas[u].clear();
    visit(derivatives_of(layer, uses[u], delta, parameters_[layer.weight].shape.back()));
  }
}

at::Tensor LayeredModel::projected_kernels(const at::Tensor& theta, const at::Tensor& inputs,
                                           const at::Tensor& directions) const {
  const std::int64_t count = inputs.size(0), each = directions.size(1), rows = std::min(count, kernel_rows(each));
  at::Tensor kernels = at::zeros({count, each, each}, theta.options());
  for (std::int64_t first = 0; first < count; first += rows) {
    const std::int64_t now = std::min(rows, count - first);
    at::Tensor part = kernels.narrow(0, first, now);
    for_each_layer(theta, inputs.narrow(0, first, now), directions.narrow(0, first, now),
                   [&](const Derivatives& d) { add_example_kernels(d, part); });
  }
  return kernels;
}

at::Tensor LayeredModel::ntk(const at::Tensor& theta, const at::Tensor& inputs) const {
  if (mixes_examples()) return Model::ntk(theta, inputs);
  const std::int64_t rows = inputs.size(0) * outputs();
  at::Tensor sum = at::zeros({rows, rows}, theta.options());
  const at::Tensor all = at::eye(outputs(), theta.options()).expand({inputs.size(0), outputs(), outputs()});
  for_each_layer(theta, inputs, all, [&](const Derivatives& d) { add_kernel(d, sum); });
  sum.div_(static_cast<double>(inputs.size(0)));
  return (sum + sum.t()).div_(2);
}

/// The sensitivities of all directions are in memory at once: fewer examples than in a pass without them.
std::int64_t LayeredModel::kernel_rows(std::int64_t directions) const {
  return std::clamp<std::int64_t>(64 / directions, 1, settings_.chunk);
}

}  // namespace edgesweep
