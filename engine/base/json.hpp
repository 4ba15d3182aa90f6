#pragma once

#include <nlohmann/json.hpp>

namespace edgesweep {

/// Keys are kept sorted, so that `dump()` of equal documents gives equal text.
using Json = nlohmann::json;

}  // namespace edgesweep
