#pragma once

#include "workers/linalg/kernel_norm.hpp"

// Exact stability of SGD on the linear model: theory.md sections 2 and 3, docs/theory.md "The linear model". One output;
// the settings' `outputs` is not read. Float64 on the device of the spectrum's eigenvectors.
namespace edgesweep {

/// λ_max(T): the growth in one step of the second moments of (z, w) in the directions that the NTK moves (λ > 0; in the
/// others z rests). SGD converges in the mean square exactly where it is below 1.
///
/// Not by iterating T: slow modes are eigenvalues just below 1, all but as large as the wanted one. T adds to the
/// deterministic part a noise that depends on the residuals' variances y ∈ R^D alone, so s is an eigenvalue of T exactly
/// where 1 is one of the D × D map
///     R(s): y ↦ κD diag(V (g ∘ (Vᵀ diag(y) V)) Vᵀ),   g = h / (1 + κh),   p = η(λ_α+ρ), q = η(λ_ν+ρ),
///     h_{αν} = η²λ_αλ_ν (s² − μ²)/s / ((1 − μ/s)² [(s−1)(s−μ²) + s((1+μ)(p+q) − pq)] + μ (p−q)²),
/// and λ_max(T) is the largest such s: the largest eigenvalue of R(s) falls from at least 1 at the deterministic part's own
/// growth to 0 at infinity (for plain SGD all of R falls: 0 < g, dg/ds < 0). There its eigenvector is the diagonal of a second
/// moment, so non-negative, as perron.hpp needs. R(1) is the map of K_full. Error about 1e-13; some ten largest eigenvalues of R, each about 20 pairs of D × D products.
double second_moment_lambda_max(const NtkSpectrum& spectrum, const KernelNormSettings& settings);

/// λ_max(A + N) of equation (8): the same with the covariances between modes left out; K = 1 exactly where it is 1. With
/// momentum or L2 a mode has three moments (z², zu, u²) and this is a spectral radius. Dense, r × r symmetric for plain
/// SGD, else 3r × 3r, with r modes that are not zero.
double diagonal_moment_lambda_max(const NtkSpectrum& spectrum, const KernelNormSettings& settings);

/// max_α |eigenvalue of mode α's step|², the growth of the noiseless second moments; (1 − ηλ)² for plain SGD.
double deterministic_growth(const NtkSpectrum& spectrum, const KernelNormSettings& settings);

}  // namespace edgesweep
