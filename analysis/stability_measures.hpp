#pragma once

#include <string>
#include <vector>

#include "analysis/phase.hpp"

namespace edgesweep {

/// A measure of the linear model that is 1 where it says that SGD becomes unstable (docs/theory.md).
struct StabilityMeasure {
  std::string quantity;  ///< of the phase table
  std::string label;     ///< enhanced text
  std::string exact;     ///< the store's column of the η where it is 1; empty if there is none
  std::string style;     ///< of its line: width, dashes, colour
  std::string colour;
  bool
      is_radius;  ///< the spectral radius of an operator, about 1 at small η already, not a noise kernel norm
};

/// True if the sweep has what only a model with a constant kernel has: λ_max(T) or the exact expected loss.
bool is_linear_model(const SweepData& data);

/// Those that the sweep measured: λ_max(T), λ_max(A+N), K_full, K, K_hd, K_block, K_tr, from the exact to the
/// coarsest.
std::vector<StabilityMeasure> stability_measures(const PhaseSummary& phase);

}  // namespace edgesweep
