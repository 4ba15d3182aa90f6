#pragma once

#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// One trial with the given columns, all of the same length; `step` must be among them.
TrialData make_trial_data(TrialStatus status, std::map<std::string, std::vector<double>> columns);

/// A sweep that behaves as theory says, by formula: 8 batch sizes 1 … 128, 10 learning rates each, 3 seeds;
/// K before the first step is 125 η / B, λ_max of Hessian and NTK 80 (D ≫ B), trials beyond K = 2 or ηλ_max =
/// 3 diverge.
SweepData synthetic_sweep();

/// The same with B = 128 as full batch: K is 0 while ηλ_max < 2, infinite beyond.
SweepData synthetic_sweep_with_full_batch();

}  // namespace edgesweep
