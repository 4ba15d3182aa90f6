#pragma once

#include <optional>
#include <string>

#include "analysis/gnuplot.hpp"
#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// The discrete derivatives of the quadratic regression model at the start of training against B, for up to
/// five leading modes at the same η (cells_at_shared_eta): Δ₁λ̂ at step 1 and Δ₂σ̂ at step 2, means over
/// replicas and seeds with standard errors, and the theory's values as lines: leading order, and dashed,
/// where the store has it, the exact expectation (docs/theory.md). Empty if no trial has ended that recorded
/// them at these steps.
std::optional<Picture> draw_discrete_derivatives(const SweepData& data, const std::string& heading);

}  // namespace edgesweep
