#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/sweep_data.hpp"

namespace edgesweep {

/// The smallest of the batch sizes that have most cells with records of their first seed; empty if no cell
/// has any.
std::optional<std::int64_t> default_batch(const SweepData& data);

/// Throws InputError about --batch if the sweep has no such batch size.
void require_batch(const SweepData& data, std::int64_t batch);

/// Cells of a batch size of which the first seed has records.
std::vector<const CellData*> cells_of_batch(const SweepData& data, std::int64_t batch);

/// True if a trial of the cell diverged.
bool has_diverged(const CellData& cell);

/// One cell a batch size at the same η, ascending in B, of those in which a trial has ended: at the η that
/// most batch sizes have without a diverged trial, the greatest of several. Values of η that differ by
/// rounding are the same. Empty if no trial has ended.
std::vector<const CellData*> cells_at_shared_eta(const SweepData& data);

}  // namespace edgesweep
