#pragma once

#include <cstddef>
#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// The grid as a picture, `width` columns at most: a row a batch size, its cells by increasing η, how much of it is
/// recorded, and what the marks mean. A cell gets up to four columns, and so shows its progress as >45, >4 or >; where a
/// row has more cells than columns, neighbours share a mark.
/// `cells` as in store_status(). `owned` false: what is marked running was interrupted.
std::string cell_table(const Json& cells, bool owned, std::size_t width);

}  // namespace edgesweep
