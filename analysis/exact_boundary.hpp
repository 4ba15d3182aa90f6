#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analysis/boundary.hpp"

namespace edgesweep {

/// The columns of a linear model's store that hold, the same in every record of a batch size, the η at which
/// a stability measure is 1: those of eta_star_T, eta_star_A_plus_N, eta_star_K, eta_star_K_full,
/// eta_star_K_hd, eta_star_K_tr (docs/theory.md) that the sweep measured, in this order.
std::vector<std::string> exact_boundary_columns(const SweepData& data);

/// Their values at a batch size: the first that a trial has recorded; NaN if none has.
std::vector<double> exact_boundaries(const SweepData& data, std::int64_t batch,
                                     const std::vector<std::string>& columns);

/// A column of the boundary table made from exact boundaries alone, or from them and the observed divergence.
struct ExactColumn {
  std::string name;
  std::string title;
  std::function<double(const BatchBoundary& row)> of_batch;
};

/// Each exact boundary, then its ratio to that of λ_max(T) = 1, the exact threshold of stability, where that
/// is known (eta_star_K_over_T), then to the η at which training was seen to diverge
/// (eta_star_K_over_diverges).
std::vector<ExactColumn> exact_columns(const BoundarySummary& boundaries);

}  // namespace edgesweep
