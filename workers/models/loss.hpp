#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "workers/data/philox.hpp"

namespace edgesweep {

/// Losses ℓ(f, y), averaged over the N rows of f and y (both N × C):
///   mse            ½ Σ_c (f_c − y_c)², the loss of theory.md and of Cohen et al. 2021
///   mse_sum        Σ_c (f_c − y_c)², twice that: curvatures are doubled, as in the EoSS papers
///   cross_entropy  −Σ_c y_c log softmax(f)_c, targets that sum to 1; C ≥ 2
///   logistic       Σ_c log(1 + exp(−y_c f_c)), targets ±1
enum class Loss { mse, mse_sum, cross_entropy, logistic };

/// Names in the order of the enum.
const std::vector<std::string>& loss_names();
Loss loss_named(const std::string& name);

/// A multiple of mse: the Gauss–Newton matrix is that multiple of the NTK's counterpart.
bool is_squared(Loss loss);

/// The multiple of mse that a squared loss is: 1 or 2. Throws std::logic_error for the others.
double squared_loss_scale(Loss loss);

/// L = 1/N Σ ℓ, a scalar; differentiable by autograd.
at::Tensor loss_value(Loss loss, const at::Tensor& f, const at::Tensor& y);

/// ℓ of every row, N.
at::Tensor example_losses(Loss loss, const at::Tensor& f, const at::Tensor& y);

/// ∂L/∂f, N × C.
at::Tensor loss_gradient(Loss loss, const at::Tensor& f, const at::Tensor& y);

/// (∂²L/∂f²) u for a direction u, N × C: linear in u, symmetric, positive semi-definite.
at::Tensor loss_curvature(Loss loss, const at::Tensor& f, const at::Tensor& y, const at::Tensor& u);

/// R_i u_i of every row, N × C, with a root R_i R_iᵀ = A_i of the curvature A_i = ∇²_f ℓ(f_i, y_i) of one example's loss: for
/// vectors u_i of independent random signs, E (R_i u_i)(R_i u_i)ᵀ = A_i.
at::Tensor loss_curvature_root(Loss loss, const at::Tensor& f, const at::Tensor& y, const at::Tensor& u);

/// Targets with `smoothing` in [0, 1) of each spread evenly over the C outputs, y (1 − s) + s / C; as label smoothing in PyTorch.
at::Tensor smoothed_targets(const at::Tensor& y, double smoothing);

/// Targets drawn from the model's own prediction, N × C: their loss has a gradient ∂ℓ/∂f of mean 0 and covariance ∇²_f ℓ(f)
/// (Bartlett's identity; theory.md section 4). Of cross_entropy one-hot with a class from softmax(f), of logistic ±1, of a squared loss
/// f plus random signs of the right size. float64 on the CPU, as `f` has to be; from `random`, row by row.
at::Tensor sampled_targets(Loss loss, const at::Tensor& f, RandomStream& random);

}  // namespace edgesweep
