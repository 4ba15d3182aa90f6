#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "workers/models/activation.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// An operation with parameters, declared by LayeredModel's functions and applied by LayerPass's.
struct Layer {
  enum class Kind { linear, convolution, norm, offset };
  Kind kind;
  std::size_t weight;          ///< index of the parameter; of a norm its scale γ
  std::int64_t bias = -1;      ///< index of the parameter, −1 without; of a norm its shift β
  std::int64_t fan_in = 0;     ///< values that one output value comes from
  std::int64_t fan_out = 0;    ///< output channels times kernel size
  std::int64_t stride = 1;     ///< of a convolution
  std::int64_t padding = 0;    ///< of a convolution, zeros on each side
  bool zero = false;           ///< weight is 0 at the start: of a norm that ends a residual branch
};

using LayerIndex = std::int64_t;
/// A norm that is not there: the identity.
inline constexpr LayerIndex no_layer = -1;

/// How activations are normalised. layer: over the channels of each position, as flax's LayerNorm; group: over the space and
/// the channels of each of `groups` groups; batch: over the examples of the chunk and space, always by their own statistics
/// ("ghost batches"), since there is no other mode than training here.
struct Norm {
  std::string name = "none";  ///< none, layer, group, batch
  std::int64_t groups = 1;    ///< of group
  double epsilon = 1e-5;      ///< added to the variance
};

/// One use of a layer in a pass: what its parameters' derivatives are made of.
struct LayerUse {
  LayerIndex layer;
  at::Tensor input;   ///< N × …; of a norm the normalised activations
  at::Tensor output;  ///< N × …
};

/// One forward pass: the layers' operations on the parameters of a θ.
class LayerPass {
 public:
  /// With `uses` every use of a layer is recorded there, with its graph.
  LayerPass(const std::vector<Layer>& layers, const Norm& norm, std::vector<at::Tensor> parameters,
            std::vector<LayerUse>* uses);

  /// x Wᵀ + b on the last dimension, N × … × in.
  at::Tensor linear(LayerIndex layer, const at::Tensor& x);
  /// N × channels × rows × columns.
  at::Tensor convolution(LayerIndex layer, const at::Tensor& x);
  /// γ x̂ + β. Channels are dimension 1 of four (N × channels × rows × columns), else the last one. x itself for no_layer.
  at::Tensor norm(LayerIndex layer, const at::Tensor& x);
  /// x + p, p of the shape of one example.
  at::Tensor offset(LayerIndex layer, const at::Tensor& x);
  /// Of products without parameters, such as those of attention.
  void count_multiply_adds(double count) { multiply_adds_ += count; }
  /// Multiply–adds of the linear layers and convolutions, and those counted, so far.
  double multiply_adds() const { return multiply_adds_; }

 private:
  at::Tensor parameter(std::int64_t index) const;
  at::Tensor used(LayerIndex layer, const at::Tensor& input, at::Tensor output);

  const std::vector<Layer>& layers_;
  const Norm& norm_;
  std::vector<at::Tensor> parameters_;
  std::vector<LayerUse>* uses_;
  double multiply_adds_ = 0;
};

/// What every layered family's part of a sweep file has.
struct LayeredSettings {
  std::vector<std::int64_t> input_shape;  ///< of one example
  std::int64_t outputs = 1;
  std::string init = "kaiming";  ///< kaiming, lecun, xavier: normal weights, biases 0; pytorch: as Linear and Conv2d start in
                                 ///< PyTorch, weights and biases uniform on ±1/√fan_in; kaiming_fan_out: convolutions normal
                                 ///< N(0, 2/fan_out), linear layers as pytorch; deit: linear layers
                                 ///< N(0, 0.02²), biases 0, convolutions as pytorch
  double init_scale = 1;         ///< multiplies the initial weights
  std::int64_t chunk = 1000;     ///< examples of one pass
  Norm norm;
};

/// Reads `init`, `init_scale` and `chunk` and writes them to `canonical`. Throws InputError.
void read_layered_settings(ObjectReader& reader, Json& canonical, const std::string& default_init);
/// Reads `norm` (one of `allowed`, the first by default) and, for group, `groups`. Throws InputError.
void read_norm(ObjectReader& reader, Json& canonical, const std::vector<std::string>& allowed);
/// Of a canonical model that has been read by both or the first.
LayeredSettings layered_settings(const Json& canonical, std::vector<std::int64_t> input_shape, std::int64_t outputs);
/// Throws InputError about `model` unless inputs are images: channels, rows, columns.
void require_images(const std::string& model, const std::vector<std::int64_t>& input_shape);

/// A network of layers. A family declares its layers in its constructor and applies each of them once in run().
/// Kernels come from each layer's inputs and the outputs' sensitivities, without a Jacobian.
class LayeredModel : public Model {
 public:
  explicit LayeredModel(LayeredSettings settings);

  const std::vector<Parameter>& parameters() const override { return parameters_; }
  std::int64_t outputs() const override { return settings_.outputs; }
  at::Tensor initial_parameters(std::uint64_t key) const override;
  at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const override;
  std::int64_t chunk_rows() const override { return settings_.chunk; }
  bool mixes_examples() const override { return settings_.norm.name == "batch"; }
  at::Tensor ntk(const at::Tensor& theta, const at::Tensor& inputs) const override;
  at::Tensor projected_kernels(const at::Tensor& theta, const at::Tensor& inputs,
                               const at::Tensor& directions) const override;
  void tell_loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets, Loss loss,
                              GradientListener& listener) const override;
  double forward_flops() const override;

 protected:
  const LayeredSettings& settings() const { return settings_; }

  // Names as PyTorch has them: "layer1.0.conv1" gives layer1.0.conv1.weight and .bias.
  LayerIndex linear(const std::string& name, std::int64_t in, std::int64_t out, bool bias = true);
  LayerIndex convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
                         std::int64_t stride = 1, std::int64_t padding = 0, bool bias = true);
  /// no_layer where the settings have no norm.
  LayerIndex norm(const std::string& name, std::int64_t channels, bool zero = false);
  LayerIndex offset(const std::string& name, std::vector<std::int64_t> shape);

  /// Outputs, N × C, of inputs N × input_shape.
  virtual at::Tensor run(LayerPass& pass, const at::Tensor& x) const = 0;

 private:
  std::size_t add_parameter(const std::string& name, std::vector<std::int64_t> shape, bool decays);
  std::int64_t kernel_rows(std::int64_t directions) const;
  template <typename Visit>
  void for_each_layer(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& directions, Visit visit) const;
  at::Tensor run_on(const at::Tensor& theta, const at::Tensor& inputs, std::vector<LayerUse>* uses) const;
  /// `values`: of each parameter, flat.
  at::Tensor run_on(std::vector<at::Tensor> values, const at::Tensor& inputs, std::vector<LayerUse>* uses) const;

  LayeredSettings settings_;
  std::vector<Parameter> parameters_;
  std::vector<Layer> layers_;
};

}  // namespace edgesweep
