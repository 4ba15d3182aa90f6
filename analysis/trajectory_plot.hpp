#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/gnuplot.hpp"
#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// Trajectories of one batch size over the step, one line a learning rate, of the first seed: train loss, K
/// (else K_tr, K_gn) with the line K = 1, learning rate × λ_max (Hessian, else NTK), × batch sharpness and × mini-batch
/// sharpness with the line 2(1+μ); panels without a column are left out. Empty if no panel has data. Throws InputError if the sweep has no such batch size.
std::optional<Picture> draw_trajectories(const SweepData& data, std::int64_t batch,
                                         const std::string& heading);

}  // namespace edgesweep
