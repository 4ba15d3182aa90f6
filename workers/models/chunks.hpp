#pragma once

#include <algorithm>
#include <cstdint>

namespace edgesweep {

/// Calls visit(first row, rows, share of all rows) for chunk after chunk of `count` rows, in order. Means over all rows are
/// the sums of the chunks' means times their shares.
template <typename Visit>
void for_each_chunk(std::int64_t count, std::int64_t chunk_rows, Visit visit) {
  for (std::int64_t first = 0; first < count; first += chunk_rows) {
    const std::int64_t rows = std::min(chunk_rows, count - first);
    visit(first, rows, static_cast<double>(rows) / static_cast<double>(count));
    if (rows == count - first) break;  // `chunk_rows` may be too large to add
  }
}

}  // namespace edgesweep
