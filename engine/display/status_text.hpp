#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

struct TextSize {
  std::size_t width = 80;
  std::size_t height = std::numeric_limits<std::size_t>::max();  ///< lines; a screen's are cut to fit
};

/// What `edgesweep status` shows of store_status(): how the sweep stands, its grid, who does what, what failed.
/// Reasons of failures are whole, and may be wider than `size`, unless its height is limited.
std::string status_text(const Json& status, TextSize size);

/// The same in one line, for a log that is written while a sweep runs.
std::string status_line(const Json& status);

}  // namespace edgesweep
