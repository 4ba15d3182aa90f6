#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "workers/theory/quadratic_problem.hpp"

namespace edgesweep {

/// Expected discrete derivatives at t = 0 of the `top` leading modes, over residuals, curvature and batches, given J_0.
/// [top] each, float64 on the CPU.
struct DerivativeTheory {
  /// E[Δ₁ λ̂_α] = η² P V(σ_α) V_z tr(Θ̂) / (D B). Exact for every D, P, B and either sampler.
  at::Tensor lambda_d1;
  /// E[Δ₂ σ̂_α] = η² P V(σ_α) V_z (σ_α / D²) (1 − η σ_α² / B): leading order in P, batches of both steps independent.
  at::Tensor sigma_d2;
  /// The same with nothing left out, for the sampler of the settings (docs/theory.md, "The quadratic model").
  at::Tensor sigma_d2_exact;
};

DerivativeTheory derivative_theory(const QuadraticProblem& problem, double eta, std::int64_t batch, std::int64_t top);

}  // namespace edgesweep
