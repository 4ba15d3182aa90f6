#pragma once

#include <string>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"

namespace edgesweep {

/// How the sweep of a store stands, also while it runs: the document of `status --json`, whose keys docs/store.md explains.
/// Throws InputError if there is no such store.
Json store_status(const std::string& path, const Catalog& catalog);

}  // namespace edgesweep
