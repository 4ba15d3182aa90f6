#pragma once

#include <string>

#include "analysis/sweep_data.hpp"
#include "analysis/table.hpp"

namespace edgesweep {

/// Table "phase", "trajectories" or "boundary" of a sweep. Throws InputError on another name.
Table make_table(const SweepData& data, const std::string& name);

/// Writes a table of the store `store` as "csv", "json" or "nc" to `output`, all at once; "-" is stdout (not
/// for nc). Throws InputError: no store, unknown table or format, output is the store itself, its directory
/// can't be written.
void export_table(const std::string& store, const std::string& table, const std::string& format,
                  const std::string& output);

}  // namespace edgesweep
