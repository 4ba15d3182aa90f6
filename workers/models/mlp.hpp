#pragma once

#include <limits>
#include <memory>

#include "workers/models/activation.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

class MlpPack;

/// Fully connected network: h_0 = x, a_l = s_l W_l h_{l−1} + b_l, h_l = φ(a_l), output a_L.
/// s_l is 1, or 1/√fan_in in the NTK parameterisation. θ holds W_0 (out × in, row-major), b_0, W_1, b_1, …
class Mlp final : public Model {
 public:
  struct Settings {
    std::vector<std::int64_t> sizes;  ///< features, hidden widths…, outputs
    Activation activation = Activation::erf;
    std::string init = "lecun";  ///< lecun, kaiming, xavier, ntk, pytorch
    double init_scale = 1.0;     ///< multiplies the initial weights
    bool bias = true;
    std::int64_t chunk = std::numeric_limits<std::int64_t>::max();  ///< examples of one pass of a measurement
  };

  explicit Mlp(Settings settings);

  const std::vector<Parameter>& parameters() const override { return parameters_; }
  std::int64_t outputs() const override { return settings_.sizes.back(); }
  at::Tensor initial_parameters(std::uint64_t key) const override;
  at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const override;
  at::Tensor ntk(const at::Tensor& theta, const at::Tensor& inputs) const override;
  std::int64_t chunk_rows() const override { return settings_.chunk; }
  at::Tensor projected_kernels(const at::Tensor& theta, const at::Tensor& inputs,
                               const at::Tensor& directions) const override;
  LossGradient loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                 Loss loss) const override;
  std::unique_ptr<SymmetricOperator> hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                             const at::Tensor& targets, Loss loss) const override;
  at::Tensor gradient_curvatures(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                 std::int64_t batch, Loss loss) const override;
  std::unique_ptr<SgdStepper> stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                      const SgdOptions& options, std::int64_t batch_size) const override;
  void pack_trials(std::int64_t places, const Examples& train) override;
  double forward_flops() const override;

  const Settings& settings() const { return settings_; }
  std::int64_t layers() const { return static_cast<std::int64_t>(settings_.sizes.size()) - 1; }
  /// s_l
  double weight_scale(std::int64_t layer) const;
  /// W_l as an out × in view into `theta`.
  at::Tensor weight(const at::Tensor& theta, std::int64_t layer) const;
  /// b_l as a view into `theta`; undefined without biases.
  at::Tensor bias(const at::Tensor& theta, std::int64_t layer) const;

 private:
  Settings settings_;
  std::vector<Parameter> parameters_;
  std::shared_ptr<MlpPack> pack_;  // null where each trial takes its own steps
};

}  // namespace edgesweep
