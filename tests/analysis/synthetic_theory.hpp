#pragma once

#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// Examples of both sweeps below: their last batch size is full batch.
constexpr double kSyntheticExamples = 60;

/// A linear model by formula. With κ = (D−B)/(B(D−1)) and a = 50 ηκ: K_full = a, K = 0.9 a, K_hd = 0.7 a,
/// K_block = 0.6 a, K_tr = 0.5 a, all infinite from ηλ_max = 4 η = 2 on; λ_max(T) = 1 + 2η(a−1), λ_max(A+N) =
/// 1 + 2η(0.9a−1); expected loss λ_max(T)^t / 2, simulated with errors of 10 % of it and 5 % away,
/// alternating. Batch sizes 1, 3, 10, 30, 60, of 12 learning rates, 2 seeds; a trial diverges where the loss
/// reaches 1000.
SweepData synthetic_linear();

/// A quadratic model by formula, 3 modes, batch sizes 2, 6, 24, 60, η = 0.05 and 0.1, 2 seeds, steps 0, 1, 2,
/// 3, 5, …: Δ₁λ̂_α = 40 η²/B and Δ₂σ̂_α = η² σ_α (1 − ησ_α²/B) with σ = 8, 7, 6 in theory, the latter exactly
/// 0.9 of it; measured one standard error of 5 % of the theory's largest value away from theory.
SweepData synthetic_quadratic();

}  // namespace edgesweep
