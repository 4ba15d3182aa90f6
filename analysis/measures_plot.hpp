#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/boundary.hpp"
#include "analysis/gnuplot.hpp"

namespace edgesweep {

/// Which measure separates convergence from divergence: the loss of a linear model at the last record (exact
/// expectation, else simulated) against each stability measure but λ_max(A+N), one panel a measure, one point
/// a cell, coloured by B. Full batch, where there is no noise, is left out. Empty if no other cell has ended.
std::optional<Picture> draw_loss_against_measures(const SweepData& data, const PhaseSummary& phase,
                                                  const BoundarySummary& boundaries,
                                                  const std::string& heading);

/// A cell as a panel judges it.
struct JudgedCell {
  double measure;
  double loss;    ///< at the last record
  bool diverged;  ///< ended by divergence
  double batch;
};

/// Cells that the measure gets wrong: below 1 though they diverged or ended above the loss `start` of step 0,
/// or 1 and more though they ended below it.
std::size_t misjudged(const std::vector<JudgedCell>& cells, double start);

}  // namespace edgesweep
