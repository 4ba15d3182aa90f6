#pragma once

#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// Parses JSON strictly: one document, no duplicate keys in an object, no number that is too large for a
/// double, no more than 100 levels. `file` names the source in messages. Throws InputError of one line, with
/// line and column of a syntax error, or with the JSON path of a duplicate key.
Json parse_json(const std::string& text, const std::string& file);

}  // namespace edgesweep
