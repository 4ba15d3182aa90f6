#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// Which examples of a data set's split are used: `n`, the first n, or `{"count": n, "seed": s}`, a random subset of
/// the whole split (of `total` examples, whatever a file holds, so that the subset never depends on the file).
/// Canonical form of the value at `key`, the whole split by default; low ≤ n ≤ total. Throws InputError.
Json canonical_selection(ObjectReader& reader, const std::string& key, std::int64_t low, std::int64_t total);

/// n of a canonical selection.
std::int64_t selection_count(const Json& selection);

/// The chosen rows, increasing.
std::vector<std::int64_t> selected_rows(const Json& selection, std::int64_t total);

}  // namespace edgesweep
