#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "workers/models/check_batch.hpp"
#include "workers/models/mlp_stepper.hpp"

namespace edgesweep {
namespace {

/// Per layer, its views into θ and v and the buffers of its passes.
struct Layer {
  at::Tensor weight, bias, weight_velocity, bias_velocity;
  at::Tensor input;  ///< h_{l−1}, B × in
  at::Tensor a;      ///< a_l, B × out; its derivative after the activation
  at::Tensor delta;  ///< δ_l times B, B × out
  double scale;
};

class MlpStepperAten final : public SgdStepper {
 public:
  MlpStepperAten(const Mlp& mlp, at::Tensor theta, at::Tensor velocity, const Examples& train,
                 const SgdOptions& options, std::int64_t batch_size)
      : activation_(mlp.settings().activation),
        theta_(std::move(theta)),
        velocity_(std::move(velocity)),
        train_(train),
        options_(options),
        batch_size_(batch_size),
        targets_(at::empty({batch_size, mlp.outputs()}, theta_.options())),
        ones_(at::ones({batch_size}, theta_.options())) {
    for (std::int64_t l = 0; l < mlp.layers(); ++l) {
      const std::int64_t in = mlp.settings().sizes[l], out = mlp.settings().sizes[l + 1];
      const auto buffer = [&](std::int64_t columns) {
        return at::empty({batch_size, columns}, theta_.options());
      };
      layers_.push_back({mlp.weight(theta_, l), mlp.bias(theta_, l), mlp.weight(velocity_, l),
                         mlp.bias(velocity_, l), buffer(in), buffer(out), buffer(out), mlp.weight_scale(l)});
    }
  }

  double step(std::span<const std::int64_t> batch, double eta) override {
    check_batch(batch, batch_size_, train_.count());
    const at::NoGradGuard no_graph;
    const at::Tensor rows =
        at::tensor(at::ArrayRef<std::int64_t>(batch.data(), batch.size()), at::kLong).to(theta_.device());
    at::index_select_out(layers_.front().input, train_.inputs, 0, rows);
    at::index_select_out(targets_, train_.targets, 0, rows);
    forward();
    Layer& last = layers_.back();
    const at::Tensor loss = loss_value(options_.loss, last.a.to(at::kDouble), targets_.to(at::kDouble));
    last.delta.copy_(loss_gradient(options_.loss, last.a, targets_).mul_(static_cast<double>(batch_size_)));
    const bool in_place = options_.momentum == 0 && options_.l2 == 0;
    const at::Tensor old_velocity = options_.nesterov ? velocity_.clone() : at::Tensor();
    for (std::size_t l = layers_.size(); l-- > 0;) {
      if (l > 0) propagate(l);
      if (in_place) {
        accumulate(layers_[l], layers_[l].weight, layers_[l].bias, 1, -eta);
      } else {
        accumulate(layers_[l], layers_[l].weight_velocity, layers_[l].bias_velocity, options_.momentum, 1);
      }
    }
    if (!in_place) {
      if (options_.l2 != 0) velocity_.add_(theta_, options_.l2);
      if (options_.nesterov) {
        // g + ρ θ + μ v_new = (1 + μ) v_new − μ v_old.
        theta_.add_(velocity_, -eta * (1 + options_.momentum)).add_(old_velocity, eta * options_.momentum);
      } else {
        theta_.add_(velocity_, -eta);
      }
    }
    return loss.item<double>();
  }

 private:
  void forward() {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      if (layer.bias.defined()) {
        at::addmm_out(layer.a, layer.bias, layer.input, layer.weight.t(), 1, layer.scale);
      } else {
        at::mm_out(layer.a, layer.input, layer.weight.t());
        if (layer.scale != 1) layer.a.mul_(layer.scale);
      }
      if (l + 1 < layers_.size()) {
        layers_[l + 1].input.copy_(activate(activation_, layer.a));
        layer.a.copy_(activation_derivative(activation_, layer.a));
      }
    }
  }

  /// δ_{l−1} from δ_l, while W_l is still the old one.
  void propagate(std::size_t l) {
    at::Tensor& out = layers_[l - 1].delta;
    at::mm_out(out, layers_[l].delta, layers_[l].weight);
    if (layers_[l].scale != 1) out.mul_(layers_[l].scale);
    out.mul_(layers_[l - 1].a);
  }

  /// (weight, bias) ← beta (weight, bias) + rate × gradient of the mini-batch loss. A beta of 0 ignores what
  /// was there.
  void accumulate(const Layer& layer, at::Tensor weight, at::Tensor bias, double beta, double rate) {
    const double factor = rate / static_cast<double>(batch_size_);
    weight.addmm_(layer.delta.t(), layer.input, beta, factor * layer.scale);
    if (bias.defined()) bias.addmv_(layer.delta.t(), ones_, beta, factor);
  }

  Activation activation_;
  at::Tensor theta_, velocity_;
  Examples train_;
  SgdOptions options_;
  std::int64_t batch_size_;
  at::Tensor targets_, ones_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<SgdStepper> make_mlp_stepper_aten(const Mlp& mlp, at::Tensor theta, at::Tensor velocity,
                                                  const Examples& train, const SgdOptions& options,
                                                  std::int64_t batch_size) {
  return std::make_unique<MlpStepperAten>(mlp, std::move(theta), std::move(velocity), train, options,
                                          batch_size);
}

}  // namespace edgesweep
