#pragma once

#include <cstddef>
#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// Trials that failed for good, by reason, then what happened lately, from store_status(). Empty if all went well; else
/// each part begins with an empty line.
std::string failure_text(const Json& status, std::size_t width);

}  // namespace edgesweep
