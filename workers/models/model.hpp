#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/data/dataset.hpp"
#include "workers/models/loss.hpp"

namespace edgesweep {

/// One named tensor inside the flat parameter vector.
struct Parameter {
  std::string name;  ///< as PyTorch names it: layers.0.weight
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
  std::int64_t count = 0;
  bool decays = true;  ///< a weight, as opposed to biases, scales of norms, tokens and positions (SgdOptions::l2_on_weights)
};

/// Symmetric linear map v → H v on flat vectors [P] of one dtype and device.
class SymmetricOperator {
 public:
  virtual ~SymmetricOperator() = default;
  virtual std::int64_t size() const = 0;
  virtual at::Tensor apply(const at::Tensor& v) = 0;
};

/// A mean loss and its gradient [P].
struct LossGradient {
  double loss = 0;
  at::Tensor gradient;
};

/// Hears of a loss and its gradient while they are computed. What it is given is complete when the device has done what is queued.
class GradientListener {
 public:
  virtual ~GradientListener() = default;
  /// First: the loss, a single value.
  virtual void loss_made(const at::Tensor& loss) = 0;
  /// Once of each parameter that the loss depends on, the network's end first where that can be: its gradient, [its count]. On a GPU in
  /// a thread of autograd's.
  virtual void part_made(std::size_t parameter, const at::Tensor& gradient) = 0;
};

/// SGD as theory.md section 1 defines it: v ← μ v + g + ρ θ, θ ← θ − η v, with g the gradient of the mini-batch loss.
/// Nesterov's momentum, as in PyTorch: θ ← θ − η (g + ρ θ + μ v) with the new v.
struct SgdOptions {
  double momentum = 0;  ///< μ
  double l2 = 0;        ///< ρ
  bool nesterov = false;
  Loss loss = Loss::mse;
  bool l2_on_weights = false;  ///< ρ only of parameters that decay
  bool bfloat16 = false;       ///< forward and backward passes in bfloat16, θ and its gradient in float32
  bool operator==(const SgdOptions&) const = default;
};

/// Trains on one flat parameter buffer, in place, without an autograd graph.
class SgdStepper {
 public:
  virtual ~SgdStepper() = default;
  /// One step on the given rows of the training set. Returns the mini-batch loss L_B before the step.
  virtual double step(std::span<const std::int64_t> batch, double eta) = 0;
};

/// A network f(θ, x) with θ one flat vector [P]. Functions follow the dtype and device of `theta`; inputs (N × features)
/// and targets (N × C) are converted by the caller. A family has to give parameters, initial values and forward(); the
/// rest has implementations by autograd (autograd_model.cpp) that a family with something faster overrides.
class Model {
 public:
  virtual ~Model() = default;

  virtual const std::vector<Parameter>& parameters() const = 0;
  std::int64_t parameter_count() const;
  virtual std::int64_t outputs() const = 0;

  /// θ at the start, float32 on the CPU: a pure function of the model's settings and `key`.
  virtual at::Tensor initial_parameters(std::uint64_t key) const = 0;

  /// Outputs, N × C. Differentiable by autograd in `theta`, twice.
  virtual at::Tensor forward(const at::Tensor& theta, const at::Tensor& inputs) const = 0;

  /// Most examples of one pass: more are taken in chunks of this many, in order, and summed. Bounds the memory of a pass.
  /// With batch normalisation each chunk has its own statistics ("ghost batches").
  virtual std::int64_t chunk_rows() const;

  /// Whether an example's outputs depend on the other examples of its chunk, as with batch normalisation.
  virtual bool mixes_examples() const { return false; }

  /// Which of `count` rows of inputs and targets the functions below look at: all, but for a member of a team.
  virtual RowRange own_rows(std::int64_t count) const { return {0, count}; }

  /// Outputs, N × C, in θ's dtype, without a graph. `inputs` may be of another dtype: they are converted in parts.
  virtual at::Tensor predict(const at::Tensor& theta, const at::Tensor& inputs) const;

  /// Empirical NTK Θ̂ = J Jᵀ / N, (N·C) × (N·C), an example's outputs adjacent; exactly symmetric.
  virtual at::Tensor ntk(const at::Tensor& theta, const at::Tensor& inputs) const;

  /// k_i = J_i J_iᵀ of every example, N × C × C. Throws std::logic_error if the model mixes examples.
  at::Tensor example_kernels(const at::Tensor& theta, const at::Tensor& inputs) const;

  /// U_i k_i U_iᵀ of every example, N × R × R, for directions U (N × R × C) in output space: inner products of R vectors J_iᵀ u,
  /// for R backward passes in place of C. Throws as example_kernels does.
  virtual at::Tensor projected_kernels(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& directions) const;

  /// L and ∇L over the given examples. With inputs in bfloat16 the network is computed in it, and loss and gradient in the dtype
  /// of the targets and of θ; the implementation by autograd alone can do that.
  virtual LossGradient loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                         Loss loss) const;

  /// The same for a listener, bit by bit.
  virtual void tell_loss_and_gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets, Loss loss,
                                      GradientListener& listener) const;

  /// ∇L over the given examples, [P].
  at::Tensor gradient(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets, Loss loss) const;

  /// ∇²L over the given examples as an operator.
  virtual std::unique_ptr<SymmetricOperator> hessian(const at::Tensor& theta, const at::Tensor& inputs,
                                                     const at::Tensor& targets, Loss loss) const;

  /// (g·Hg, ‖g‖²) of each group of `batch` consecutive rows, groups × 2 in float64, with g and H the gradient and Hessian of
  /// the group's mean loss. The number of rows is a multiple of `batch`.
  virtual at::Tensor gradient_curvatures(const at::Tensor& theta, const at::Tensor& inputs, const at::Tensor& targets,
                                         std::int64_t batch, Loss loss) const;

  /// Gauss–Newton matrix 1/N Σ_i J_iᵀ (∇²_f ℓ_i) J_i over the given examples as an operator.
  virtual std::unique_ptr<SymmetricOperator> gauss_newton(const at::Tensor& theta, const at::Tensor& inputs,
                                                          const at::Tensor& targets, Loss loss) const;

  /// Steps on `theta` and `velocity` ([P], float32, contiguous, of the examples' device), which must outlive it.
  /// `batch_size` is the number of rows of every step. The examples' values are read at each step: they may change between.
  virtual std::unique_ptr<SgdStepper> stepper(at::Tensor theta, at::Tensor velocity, const Examples& train,
                                              const SgdOptions& options, std::int64_t batch_size) const;

  /// Up to `places` trials will train on `train` at a time, in threads of this process: a family may take their steps together, and
  /// keep their θ and v. Once, before there are steppers. Results equal those of trials by themselves up to rounding.
  virtual void pack_trials(std::int64_t, const Examples&) {}

  /// Multiply–add count of one forward pass of one example: the cost model's unit.
  virtual double forward_flops() const = 0;
};

/// A family of models, added by one file: see mlp.cpp.
class ModelFamily {
 public:
  virtual ~ModelFamily() = default;
  /// Canonical form of `experiment.model`. Throws InputError.
  virtual Json canonical(ObjectReader reader) const = 0;
  /// `input_shape`: of one example, {784} or {3, 32, 32} (channels, rows, columns). Throws InputError about `model` if the
  /// family cannot take such inputs.
  virtual std::unique_ptr<Model> make(const Json& canonical, const std::vector<std::int64_t>& input_shape,
                                      std::int64_t outputs) const = 0;
};

const ModelFamily& model_family(const std::string& name);
std::vector<std::string> model_names();

struct RegisterModel {
  RegisterModel(std::string name, std::unique_ptr<ModelFamily> family);
};

}  // namespace edgesweep
