#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "workers/linalg/kernel_norm_types.hpp"

namespace edgesweep {

/// κ = (D − B) / (B (D − 1)); 0 at D = 1.
double batch_noise_factor(std::int64_t examples, std::int64_t batch);

/// An NTK Θ̂ of n = D·C rows, taken apart: all that the norms need of it.
struct NtkSpectrum {
  at::Tensor eigenvalues;   ///< [n], float64 on the CPU, ascending
  at::Tensor eigenvectors;  ///< [n, n], column α belongs to eigenvalue α; dtype and device of the NTK
  std::int64_t outputs = 1;
  double trace = 0;
  double block_ratio = 0;  ///< Σ_i ‖k_i‖_F² / Σ_i tr k_i with k_i = J_i J_iᵀ, the C × C diagonal blocks of D Θ̂
};

/// `ntk`: symmetric (D·C) × (D·C), float64 or float32, any device, finite; released as soon as it is not needed.
/// On the CPU this is LAPACK's syevd: peak 3 n² values above the argument (eigenvectors and its work space).
NtkSpectrum ntk_spectrum(at::Tensor ntk, std::int64_t outputs);

/// theory.md section 3; `settings.outputs` must be the spectrum's. K is right to 1e-10 relative given the spectrum in
/// float64. Modes below n · 2⁻⁵² · λ_max are zero modes. Memory above the spectrum: n² values at C = 1, less above.
KernelNorms kernel_norms(const NtkSpectrum& spectrum, const KernelNormSettings& settings);

/// K_full: K without the restriction to the diagonal, equal to 1 exactly where the second moments of the linearised model
/// stop converging. κD times the largest eigenvalue of the map Y ↦ blockdiag(V (g ∘ (Vᵀ blockdiag(Y) V)) Vᵀ) on the C × C
/// blocks Y_i of the examples, with g = h / (1 + κh) and, p = η(λ_α+ρ), q = η(λ_ν+ρ),
///     h_{αν} = η²λ_αλ_ν (1−μ²) / ((1−μ)² [(1+μ)(p+q) − pq] + μ (p−q)²),
/// the stationary covariance of z_α and z_ν per unit covariance of their gradient noise (two AR(2) processes; 0 for zero
/// modes; h_{αα} is m⁰_α). K_hd ≤ K ≤ K_full. +inf where η(λ_max+ρ) ≥ 2(1+μ), 0 at B = D. 15 to 70 pairs of n × n
/// products; 3 n² values above the spectrum. Accuracy as for K: the leading Y has positive semidefinite blocks (perron.hpp)
/// for κηρ ≤ (1−μ)/2, where g is positive semidefinite, and wherever K_full ≤ 1.
double kernel_norm_full(const NtkSpectrum& spectrum, const KernelNormSettings& settings);

/// All of the above from the matrix itself, K_full if `full`; +inf, NaN in `ntk` give NaN everywhere.
KernelNorms kernel_norms(at::Tensor ntk, const KernelNormSettings& settings, bool full = false);

}  // namespace edgesweep
