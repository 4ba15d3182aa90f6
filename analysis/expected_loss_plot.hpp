#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/gnuplot.hpp"
#include "analysis/phase.hpp"

namespace edgesweep {

/// The exact expected loss of a linear model over the step (lines) at one batch size and up to eight learning
/// rates, evenly spaced over those of the grid, with the mean of simulated SGD and its standard error
/// (points). Empty if no trial of this batch size with an expected loss has ended.
std::optional<Picture> draw_expected_loss(const SweepData& data, const PhaseSummary& phase,
                                          std::int64_t batch, const std::string& heading);

}  // namespace edgesweep
