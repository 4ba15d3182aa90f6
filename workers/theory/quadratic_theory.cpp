#include "workers/theory/quadratic_theory.hpp"

#include <ATen/ATen.h>

namespace edgesweep {

// With δ = Δθ_0 and y = z_0 + J_0 δ, the terms of Δ₂σ̂_α = v_αᵀ M_α (Δθ_1 − δ) that are even in Q are
//   a: −(η/B) (v_αᵀ M_α M_α δ) (w_αᵀ P_1 y)          → E_M = P V (v_α·δ)
//   b: −(η/2B) (v_αᵀ M_α u) (δᵀ M_α δ), u = J_0ᵀ P_1 w_α → E_M = V [2 (v_α·δ)(u·δ) − Σ_i v_αi u_i δ_i²],
// the last because all elements of M_α, the diagonal too, have variance V. What is left is E over z_0, P_0 and P_1.
DerivativeTheory derivative_theory(const QuadraticProblem& problem, double eta, std::int64_t batch, std::int64_t top) {
  const QuadraticSettings& settings = problem.settings;
  const at::Tensor jacobian = problem.jacobian.cpu();
  const at::Tensor sigma = problem.sigma.cpu().narrow(0, 0, top);
  const at::Tensor v = problem.right.cpu().narrow(0, 0, top);         // [top, P]
  const at::Tensor w = problem.left.cpu().narrow(1, 0, top);          // [D, top]
  const at::Tensor variance = problem.variances.cpu().narrow(0, 0, top);
  const auto d = static_cast<double>(settings.examples);
  const auto p = static_cast<double>(settings.parameters);
  const auto b = static_cast<double>(batch);
  const at::Tensor sigma2 = sigma.square();
  const at::Tensor scale = variance * (eta * eta * settings.residual_variance);
  const at::Tensor squares = jacobian.square();
  const at::Tensor rows = squares.sum(1), columns = squares.sum(0);   // ‖J_i‖², and Σ_i J_ij²
  const at::Tensor spread = v.square().mv(columns);                   // Σ_j v_αj² Σ_i J_ij²
  const double ntk_trace = rows.sum().item<double>() / d;

  DerivativeTheory theory;
  theory.lambda_d1 = scale * (p * ntk_trace / (d * b));
  theory.sigma_d2 = scale * p * sigma / (d * d) * (1 - sigma2 * (eta / b));
  // The batches of steps 0 and 1 are disjoint within an epoch: w_αᵀ P_1 z_0 no longer sees what P_0 z_0 moved.
  const bool disjoint = settings.sampler == "epoch" && 2 * batch <= settings.examples;
  if (disjoint) {
    const at::Tensor others = sigma2 - w.square().t().mv(rows);  // Σ_{i≠k} w_αi w_αk J_i·J_k
    const at::Tensor cubes = sigma * spread - (w.t().mm(jacobian.pow(3)) * v).sum(1);
    theory.sigma_d2_exact = scale * (-eta / (b * d * (d - 1))) * ((p + 1) * sigma * others - 0.5 * cubes);
  } else {
    theory.sigma_d2_exact =
        theory.sigma_d2 - scale * sigma * (eta / (b * d * d)) * (sigma2 - 0.5 * spread);
  }
  return theory;
}

}  // namespace edgesweep
