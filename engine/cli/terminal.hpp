#pragma once

#include "engine/display/status_text.hpp"

namespace edgesweep {

/// Columns and lines of the terminal at stderr; 80 columns and any number of lines if it is none.
TextSize terminal_size();

}  // namespace edgesweep
