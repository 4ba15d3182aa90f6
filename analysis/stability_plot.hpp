#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/boundary.hpp"
#include "analysis/gnuplot.hpp"

namespace edgesweep {

/// The stability measures of a linear model against η at one batch size, with ηλ_max as a share of its edge
/// 2(1+μ): each says "unstable" from 1 on. Points mark the exact η* where the store holds them; the
/// background is grey where simulated training diverged. Empty if no cell of this batch size has ended.
std::optional<Picture> draw_stability(const PhaseSummary& phase, const BoundarySummary& boundaries,
                                      std::int64_t batch, const std::string& heading);

}  // namespace edgesweep
