#pragma once

#include <string>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// The sweep that a store was made for. Throws InputError if it is no store, or of a version of edgesweep that reads
/// sweep files in another way.
Sweep stored_sweep(const std::string& store, const Catalog& catalog);

}  // namespace edgesweep
