#pragma once

#include "analysis/table.hpp"
#include "engine/store/table_file.hpp"

namespace edgesweep {

/// The table as arrays over its axes, for netCDF: each column over as many leading axes as it depends on;
/// `eta` and `eta_over_batch` as auxiliary coordinates if the table has them. Where the table has no row,
/// reals are NaN, counts 0, and text columns (written as the index of their category) −1.
TableFile table_grid(const Table& table);

}  // namespace edgesweep
