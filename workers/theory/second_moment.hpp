#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "workers/linalg/kernel_norm.hpp"

namespace edgesweep {

/// Mean and second moment of the residuals z = f − y of the linear model under SGD, exactly: equation (7), and with heavy
/// ball and L2 the same for (z, w), w = J v. One output, batches of B distinct examples drawn afresh at each step (`iid`).
///
/// With Θ̂ = J Jᵀ/D, u = ηw, P the batch's diagonal 0/1 matrix, β = B/D:
///     u' = μ u + ηρ (z + y) + (η/β) Θ̂ P z,   z' = z − u'.
/// (1/β) P z has mean z and covariance −κ M + κD diag M with M = E z zᵀ; so the moments move by the deterministic step and
/// get F = η²Θ̂ (−κ M + κD diag M) Θ̂ in zz and uu, −F in zu. Kept in the eigenbasis of Θ̂, where all but diag M is
/// elementwise: two D × D products a step. u is kept for momentum or L2 only, the mean for L2 only (the step is affine).
///
/// Float64 on the device of the spectrum's eigenvectors. Moments that outgrow doubles are kept with a common power of two.
class SecondMoment {
 public:
  /// θ = 0 and v = 0 at first: z = −`targets` ([D]). The settings' `outputs` is not read.
  SecondMoment(const NtkSpectrum& spectrum, const KernelNormSettings& settings, const at::Tensor& targets);

  /// One step of SGD.
  void step();
  /// E ‖z‖² / (2D); +inf if it is beyond the largest double.
  double loss() const;
  /// E z zᵀ in the examples' basis, [D, D]; +inf and NaN where it overflows.
  at::Tensor residual_moment() const;

  /// All that changes, by name.
  std::map<std::string, at::Tensor> state() const;
  /// Throws InputError about `checkpoint` unless names, sizes and types are those of state(). CPU tensors.
  void restore(const std::map<std::string, at::Tensor>& state);

 private:
  at::Tensor noise() const;
  void rescale();

  double examples_;
  double kappa_;
  double mu_;
  double l2_;
  at::Tensor v_;      ///< [D, D], eigenvectors
  at::Tensor x_;      ///< [D], ηλ
  at::Tensor p_;      ///< [D], η(λ+ρ)
  at::Tensor decay_;  ///< [D], ηρ Vᵀy
  bool has_u_;
  bool has_mean_;

  /// Second moments in units of 4^exponent_, means in units of 2^exponent_.
  at::Tensor zz_, zu_, uu_;  ///< [D, D]; zu_[α][ν] = E z_α u_ν
  at::Tensor mean_z_, mean_u_;  ///< [D]
  std::int64_t exponent_ = 0;
};

}  // namespace edgesweep
