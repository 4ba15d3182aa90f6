#pragma once

#include <string>

namespace edgesweep {

/// 42 s, 3 min 05 s, 2 h 10 min, 4 d 3 h.
std::string duration_text(double seconds);

}  // namespace edgesweep
