#pragma once

#include <string>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {

/// The sweep that a store holds, as this edgesweep reads it. Throws InputError if the store's axes are not the sweep's.
Sweep parse_stored_sweep(const StoreReader& reader, const Catalog& catalog);

/// The sweep that a store was made for. Throws InputError if it is no store, or of a version of edgesweep that reads
/// sweep files in another way or records other columns.
Sweep stored_sweep(const std::string& store, const Catalog& catalog);

}  // namespace edgesweep
