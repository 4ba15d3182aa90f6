#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/gnuplot.hpp"
#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// All pictures of a sweep: the phase planes and the trajectories of one batch size (default_batch if none is
/// given). What the sweep did not measure, or has not yet, is left out with a log line. Throws InputError if
/// it has no such batch.
std::vector<Picture> draw_sweep(const SweepData& data, std::optional<std::int64_t> batch);

/// Writes the pictures of a store as SVG and PNG to `directory`, which is made if missing. Throws InputError:
/// no store, no such batch, no gnuplot, nothing to draw yet.
void plot_store(const std::string& store, const std::string& directory, std::optional<std::int64_t> batch);

}  // namespace edgesweep
