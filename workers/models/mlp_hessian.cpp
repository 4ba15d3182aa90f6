#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/models/chunks.hpp"
#include "workers/models/mlp.hpp"
#include "workers/models/mlp_pass.hpp"

namespace edgesweep {
namespace {

/// Exact Hessian-vector products by forward-over-reverse (Pearlmutter 1994, "Fast exact multiplication by the
/// Hessian"). With R{·} the derivative along v = (V_l, c_l), g_l = ∂L/∂h_l and δ_l = ∂L/∂a_l = φ'(a_l) g_l:
///   R{a_l} = s_l (h_{l−1} V_lᵀ + R{h_{l−1}} W_lᵀ) + c_l,      R{h_l} = φ'(a_l) R{a_l},
///   R{g_l} = s_{l+1} (R{δ_{l+1}} W_{l+1} + δ_{l+1} V_{l+1}),   R{δ_l} = φ''(a_l) g_l R{a_l} + φ'(a_l)
///   R{g_l}, (H v)_l = s_l (R{δ_l}ᵀ h_{l−1} + δ_lᵀ R{h_{l−1}}), and the column sums of R{δ_l} for the bias.
class MlpHessian final : public SymmetricOperator {
 public:
  MlpHessian(const Mlp& mlp, const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets, Loss loss)
      : mlp_(mlp), theta_(theta.detach().clone()), targets_(targets), loss_(loss) {
    const at::NoGradGuard no_graph;
    const Activation activation = mlp_.settings().activation;
    MlpPass pass = forward_pass(mlp_, theta_, inputs);
    const std::int64_t layers = mlp_.layers();
    deltas_.resize(layers);
    slopes_.resize(layers - 1);
    bends_.resize(layers - 1);
    outputs_ = pass.outputs;
    deltas_.back() = loss_gradient(loss, outputs_, targets);
    for (std::int64_t l = layers - 2; l >= 0; --l) {
      const at::Tensor& a = pass.preactivations[l];
      const at::Tensor g = pull_back(mlp_, theta_, l + 1, deltas_[l + 1]);
      slopes_[l] = activation_derivative(activation, a);
      if (curved(activation)) bends_[l] = activation_second_derivative(activation, a).mul_(g);
      deltas_[l] = g * slopes_[l];
    }
    layer_inputs_ = std::move(pass.layer_inputs);
  }

  std::int64_t size() const override { return theta_.size(0); }

  at::Tensor apply(const at::Tensor& v) override {
    if (v.dim() != 1 || v.size(0) != size()) {
      throw InputError("Hessian-vector product", "found a vector of " + std::to_string(v.numel()) +
                                                     " values; the network has " + std::to_string(size()));
    }
    const at::NoGradGuard no_graph;
    const std::int64_t layers = mlp_.layers();
    std::vector<at::Tensor> r_a(layers),
        r_h(layers);  // r_h[l] belongs to layer l's input; undefined means zero
    for (std::int64_t l = 0; l < layers; ++l) {
      r_a[l] = apply_layer(mlp_, v, l, layer_inputs_[l]);
      if (l > 0) r_a[l].addmm_(r_h[l], mlp_.weight(theta_, l).t(), 1, mlp_.weight_scale(l));
      if (l + 1 < layers) r_h[l + 1] = r_a[l] * slopes_[l];
    }
    at::Tensor result = at::empty_like(v, at::MemoryFormat::Contiguous);
    at::Tensor r_delta = loss_curvature(loss_, outputs_, targets_, r_a.back());
    for (std::int64_t l = layers - 1; l >= 0; --l) {
      const double scale = mlp_.weight_scale(l);
      at::Tensor out = mlp_.weight(result, l);
      at::mm_out(out, r_delta.t(), layer_inputs_[l]);
      if (scale != 1) out.mul_(scale);
      if (l > 0) out.addmm_(deltas_[l].t(), r_h[l], 1, scale);
      if (mlp_.settings().bias) {
        at::Tensor out_bias = mlp_.bias(result, l);
        at::sum_out(out_bias, r_delta, 0);
      }
      if (l > 0) {
        at::Tensor r_g = pull_back(mlp_, theta_, l, r_delta);
        r_g.addmm_(deltas_[l], mlp_.weight(v, l), 1, scale).mul_(slopes_[l - 1]);
        if (bends_[l - 1].defined()) r_g.addcmul_(bends_[l - 1], r_a[l - 1]);
        r_delta = std::move(r_g);
      }
    }
    return result;
  }

 private:
  static bool curved(Activation activation) {
    return activation != Activation::relu && activation != Activation::hardtanh && activation != Activation::linear;
  }

  Mlp mlp_;  // a copy: the operator may outlive the model
  at::Tensor theta_;
  at::Tensor targets_;
  Loss loss_;
  at::Tensor outputs_;
  std::vector<at::Tensor> layer_inputs_;
  std::vector<at::Tensor> deltas_;  // δ_l
  std::vector<at::Tensor> slopes_;  // φ'(a_l) of the hidden layers
  std::vector<at::Tensor> bends_;   // φ''(a_l) g_l of the hidden layers; undefined where φ'' = 0
};

/// The same as a sum over chunks. Activations are there for one chunk at a time, so that every product takes the passes
/// again: half as much time more.
class ChunkedMlpHessian final : public SymmetricOperator {
 public:
  ChunkedMlpHessian(const Mlp& mlp, const at::Tensor& theta, at::Tensor inputs, at::Tensor targets, Loss loss)
      : mlp_(mlp), theta_(theta.detach().clone()), inputs_(std::move(inputs)), targets_(std::move(targets)), loss_(loss) {}

  std::int64_t size() const override { return theta_.size(0); }

  at::Tensor apply(const at::Tensor& v) override {
    const at::NoGradGuard no_graph;
    at::Tensor sum = at::zeros_like(theta_);
    for_each_chunk(inputs_.size(0), mlp_.chunk_rows(), [&](std::int64_t first, std::int64_t rows, double share) {
      MlpHessian part(mlp_, theta_, inputs_.narrow(0, first, rows), targets_.narrow(0, first, rows), loss_);
      sum.add_(part.apply(v), share);
    });
    return sum;
  }

 private:
  Mlp mlp_;
  at::Tensor theta_, inputs_, targets_;
  Loss loss_;
};

}  // namespace

std::unique_ptr<SymmetricOperator> Mlp::hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                                const at::Tensor& targets, Loss loss) const {
  if (inputs.size(0) > chunk_rows()) {
    return std::make_unique<ChunkedMlpHessian>(*this, theta, inputs, targets, loss);
  }
  return std::make_unique<MlpHessian>(*this, theta, inputs, targets, loss);
}

}  // namespace edgesweep
