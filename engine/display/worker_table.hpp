#pragma once

#include <cstddef>
#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// Which worker does what, from `workers` of store_status(): those that run longest first, `most` lines of them at most,
/// then how many more there are. At most 80 columns. Empty if there are none.
std::string worker_table(const Json& workers, std::size_t most);

}  // namespace edgesweep
