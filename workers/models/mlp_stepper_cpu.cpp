#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <cblas.h>

#include <algorithm>

#include "workers/models/check_batch.hpp"
#include "workers/models/float_kernels.hpp"
#include "workers/models/mlp_stepper.hpp"
#include "workers/models/thin_product.hpp"

namespace edgesweep {
namespace {

/// One layer's part of θ and v, and the buffers of its passes.
struct Layer {
  std::int64_t in, out;
  float scale;           ///< s_l
  float *weight, *bias;  ///< null without biases
  float *weight_velocity, *bias_velocity;
  const float* input;  ///< h_{l−1}, B × in
  at::Tensor slope;    ///< a_l, then φ'(a_l), B × out; the network's output in the last layer
  at::Tensor delta;    ///< δ_l times B, B × out
};

float* data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
}

class MlpStepperCpu final : public SgdStepper {
 public:
  MlpStepperCpu(const Mlp& mlp, at::Tensor theta, at::Tensor velocity, const Examples& train,
                const SgdOptions& options, std::int64_t batch_size)
      : activation_(mlp.settings().activation),
        theta_(std::move(theta)),
        velocity_(std::move(velocity)),
        train_{train.inputs.contiguous(), train.targets.contiguous(), {}},
        options_(options),
        in_place_(options.momentum == 0 && options.l2 == 0),
        gradient_scale_(is_squared(options.loss) ? squared_loss_scale(options.loss) : 1),
        batch_(batch_size),
        is_thin_(thin_product_pays(batch_size)),
        targets_(at::empty({batch_size, mlp.outputs()}, at::kFloat)),
        ones_(at::ones({batch_size}, at::kFloat)) {
    if (options_.nesterov) old_velocity_ = at::empty_like(velocity_);
    for (std::int64_t l = 0; l < mlp.layers(); ++l) {
      const std::int64_t in = mlp.settings().sizes[l], out = mlp.settings().sizes[l + 1];
      hidden_.push_back(at::empty({batch_size, in}, at::kFloat));
      layers_.push_back({in, out, static_cast<float>(mlp.weight_scale(l)), data(mlp.weight(theta_, l)),
                         data(mlp.bias(theta_, l)), data(mlp.weight(velocity_, l)),
                         data(mlp.bias(velocity_, l)), data(hidden_.back()),
                         at::empty({batch_size, out}, at::kFloat), at::empty({batch_size, out}, at::kFloat)});
      const auto scratch = static_cast<std::size_t>(thin_product_scratch(out, in));
      if (is_thin_ && scratch > scratch_.size()) scratch_.resize(scratch);
    }
  }

  double step(std::span<const std::int64_t> batch, double eta) override {
    check_batch(batch, batch_, train_.count());
    gather(batch);
    forward();
    const double loss = loss_and_output_delta();
    if (options_.nesterov) std::copy_n(data(velocity_), theta_.size(0), data(old_velocity_));
    for (std::size_t l = layers_.size(); l-- > 0;) backward(l, eta);
    if (options_.nesterov) {
      nesterov_step(theta_.size(0), static_cast<float>(options_.l2), static_cast<float>(options_.momentum),
                    static_cast<float>(eta), data(old_velocity_), data(velocity_), data(theta_));
    } else if (!in_place_) {
      velocity_step(theta_.size(0), static_cast<float>(options_.l2), static_cast<float>(eta), data(velocity_),
                    data(theta_));
    }
    return loss;
  }

 private:
  /// Fills the last layer's δ, but for the factor 2 of mse_sum, which is in gradient_scale_.
  double loss_and_output_delta() {
    Layer& last = layers_.back();
    if (!is_squared(options_.loss)) {
      const at::NoGradGuard no_graph;
      last.delta.copy_(loss_gradient(options_.loss, last.slope, targets_)).mul_(static_cast<double>(batch_));
      return loss_value(options_.loss, last.slope.to(at::kDouble), targets_.to(at::kDouble)).item<double>();
    }
    const double squares =
        residuals_and_square_sum(batch_ * last.out, data(last.slope), data(targets_), data(last.delta));
    return gradient_scale_ * squares / (2.0 * static_cast<double>(batch_));
  }

  void gather(std::span<const std::int64_t> batch) {
    Layer& first = layers_.front();
    const std::int64_t outputs = layers_.back().out;
    const float* inputs = data(train_.inputs);
    const float* targets = data(train_.targets);
    for (std::int64_t i = 0; i < batch_; ++i) {
      std::copy_n(targets + batch[i] * outputs, outputs, data(targets_) + i * outputs);
    }
    if (batch_ == 1) {
      first.input = inputs + batch[0] * first.in;
      return;
    }
    for (std::int64_t i = 0; i < batch_; ++i) {
      std::copy_n(inputs + batch[i] * first.in, first.in, data(hidden_.front()) + i * first.in);
    }
  }

  void forward() {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      float* a = data(layer.slope);
      if (batch_ == 1) {
        matrix_vector(layer.out, layer.in, layer.scale, layer.weight, layer.input, a);
      } else if (layer.out == 1) {
        matrix_vector(batch_, layer.in, layer.scale, layer.input, layer.weight, a);
      } else if (is_thin_) {
        thin_product(batch_, layer.out, layer.in, layer.scale, layer.input, layer.weight, a, scratch_.data());
      } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(batch_),
                    static_cast<int>(layer.out), static_cast<int>(layer.in), layer.scale, layer.input,
                    static_cast<int>(layer.in), layer.weight, static_cast<int>(layer.in), 0, a,
                    static_cast<int>(layer.out));
      }
      if (l + 1 < layers_.size()) {
        activate_rows(activation_, batch_, layer.out, layer.bias, a, data(hidden_[l + 1]));
      } else {
        add_bias(batch_, layer.out, layer.bias, a);
      }
    }
  }

  /// δ_{l−1} from δ_l while W_l is still the old one, then layer l's gradient into θ or v.
  void backward(std::size_t l, double eta) {
    Layer& layer = layers_[l];
    const double rate = gradient_scale_ * (in_place_ ? -eta : 1.0) / static_cast<double>(batch_);
    const float beta = in_place_ ? 1.0f : static_cast<float>(options_.momentum);
    const float weight_rate = static_cast<float>(rate * static_cast<double>(layer.scale));
    float* weight = in_place_ ? layer.weight : layer.weight_velocity;
    float* bias = in_place_ ? layer.bias : layer.bias_velocity;
    const float* delta = data(layer.delta);
    if (batch_ == 1 && in_place_ && l > 0) {
      pull_and_push(layer.out, layer.in, delta, layer.input, layer.scale, weight_rate, weight,
                    data(layers_[l - 1].delta));
    } else {
      if (l > 0) propagate(layer, data(layers_[l - 1].delta));
      accumulate(layer, weight_rate, beta, weight);
    }
    if (l > 0) multiply(batch_ * layer.in, data(layers_[l - 1].slope), data(layers_[l - 1].delta));
    if (bias != nullptr) {
      transposed_vector(batch_, layer.out, static_cast<float>(rate), delta, data(ones_), beta, bias);
    }
  }

  /// s_l δ_l W_l, B × in.
  void propagate(const Layer& layer, float* out) const {
    const float* delta = data(layer.delta);
    if (batch_ == 1) {
      transposed_vector(layer.out, layer.in, layer.scale, layer.weight, delta, 0, out);
    } else if (layer.out == 1) {
      rank_one(batch_, layer.in, layer.scale, delta, layer.weight, 0, out);
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(batch_),
                  static_cast<int>(layer.in), static_cast<int>(layer.out), layer.scale, delta,
                  static_cast<int>(layer.out), layer.weight, static_cast<int>(layer.in), 0, out,
                  static_cast<int>(layer.in));
    }
  }

  /// out ← beta out + rate δ_lᵀ h_{l−1}, out × in.
  void accumulate(const Layer& layer, float rate, float beta, float* out) const {
    const float* delta = data(layer.delta);
    if (batch_ == 1) {
      rank_one(layer.out, layer.in, rate, delta, layer.input, beta, out);
    } else if (layer.out == 1) {
      transposed_vector(batch_, layer.in, rate, layer.input, delta, beta, out);
    } else {
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, static_cast<int>(layer.out),
                  static_cast<int>(layer.in), static_cast<int>(batch_), rate, delta,
                  static_cast<int>(layer.out), layer.input, static_cast<int>(layer.in), beta, out,
                  static_cast<int>(layer.in));
    }
  }

  Activation activation_;
  at::Tensor theta_, velocity_;
  at::Tensor old_velocity_;  // with Nesterov's momentum
  Examples train_;
  SgdOptions options_;
  bool in_place_;  // μ = ρ = 0: the update goes straight into θ
  double gradient_scale_;
  std::int64_t batch_;
  bool is_thin_;                // forward products by thin_product
  std::vector<float> scratch_;  // of thin_product
  at::Tensor targets_, ones_;
  std::vector<at::Tensor> hidden_;  // h_{l−1}, B × in, of each layer l
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<SgdStepper> make_mlp_stepper_cpu(const Mlp& mlp, at::Tensor theta, at::Tensor velocity,
                                                 const Examples& train, const SgdOptions& options,
                                                 std::int64_t batch_size) {
  return std::make_unique<MlpStepperCpu>(mlp, std::move(theta), std::move(velocity), train, options,
                                         batch_size);
}

}  // namespace edgesweep
