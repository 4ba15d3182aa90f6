#pragma once

#include <cstdint>
#include <vector>

namespace edgesweep {

/// `count` ≥ 1 values from `low` to `high`, both exactly included (count 1: `low`), at constant differences.
/// Inner points are rounded to 12 significant digits, so that they are the numbers a person would write (0.3,
/// not 0.30000000000000004) and do not depend on the last bits of a machine's mathematical library.
std::vector<double> linear_points(double low, double high, std::int64_t count);

/// The same at constant ratios; 0 < low.
std::vector<double> log_points(double low, double high, std::int64_t count);

}  // namespace edgesweep
