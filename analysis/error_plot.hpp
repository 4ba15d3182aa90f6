#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/gnuplot.hpp"
#include "analysis/phase.hpp"
#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// A cell of the picture, over its seeds: mean and standard error.
struct ErrorPoint {
  Estimate K;      ///< median over the records in the second half of the steps
  Estimate error;  ///< test error at the last record
};

/// The cells of one batch size by increasing η: those that have ended and did not diverge, with 0 < K < ∞.
std::vector<ErrorPoint> errors_of_batch(const SweepData& data, const std::string& column, std::int64_t batch);

/// Final test error against the median of K in the second half of training, one line a batch size: where the lines fall
/// together, K tells the error whatever B is. K, else K_tr, else K_gn. Empty if the sweep has none of these or no test error,
/// or no cell has ended.
std::optional<Picture> draw_error_against_K(const SweepData& data, const std::string& heading);

}  // namespace edgesweep
