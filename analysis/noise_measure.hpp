#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// A column that measures how strong the noise of SGD is, 1 at the edge of stability.
struct NoiseMeasure {
  std::string column;
  std::string label;      ///< gnuplot enhanced text
  std::string long_name;
};

/// From the exact one to those that any network has: K, K_tr of a squared loss, K_gn of the others.
const std::vector<NoiseMeasure>& noise_measures();

/// The first of them that the sweep measured, which its tables and plots show.
std::optional<NoiseMeasure> noise_measure(const SweepData& data);

}  // namespace edgesweep
