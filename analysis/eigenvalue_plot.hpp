#pragma once

#include <optional>
#include <string>

#include "analysis/gnuplot.hpp"
#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// The largest NTK eigenvalues over the step, one panel an eigenvalue (up to four), one line a batch size at
/// the same η (cells_at_shared_eta), mean over replicas and seeds with a band of one standard error. Empty if
/// no trial that records ntk_eigenvalues has ended.
std::optional<Picture> draw_eigenvalue_trajectories(const SweepData& data, const std::string& heading);

}  // namespace edgesweep
