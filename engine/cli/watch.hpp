#pragma once

#include <string>

#include "engine/base/error.hpp"
#include "engine/spec/catalog.hpp"

namespace edgesweep {

/// Shows store_status() every `period_seconds` until nobody owns the store: redrawn in place on a terminal, a line for each
/// change elsewhere, one JSON document a line on stdout with `json`. What it shows last is final. A store that is not made
/// yet is waited for while its run holds the lock. ExitCode::interrupted after a stop signal.
/// Throws InputError if there is no store, and nobody to make it.
ExitCode watch_status(const std::string& store, const Catalog& catalog, double period_seconds, bool json);

}  // namespace edgesweep
