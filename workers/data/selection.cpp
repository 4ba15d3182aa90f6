#include "workers/data/selection.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "workers/data/philox.hpp"

namespace edgesweep {

Json canonical_selection(ObjectReader& reader, const std::string& key, std::int64_t low, std::int64_t total) {
  if (!reader.has(key) || !reader.raw(key).is_object()) return reader.integer(key, low, total, total);
  ObjectReader subset = reader.object(key);
  const Json canonical = {{"count", subset.integer("count", low, total)},
                          {"seed", subset.integer("seed", 0, std::numeric_limits<std::int64_t>::max())}};
  subset.finish();
  return canonical;
}

std::int64_t selection_count(const Json& selection) {
  return selection.is_object() ? selection.at("count").get<std::int64_t>() : selection.get<std::int64_t>();
}

std::vector<std::int64_t> selected_rows(const Json& selection, std::int64_t total) {
  const auto count = static_cast<std::size_t>(selection_count(selection));
  std::vector<std::int64_t> rows(selection.is_object() ? static_cast<std::size_t>(total) : count);
  std::iota(rows.begin(), rows.end(), 0);
  if (selection.is_object()) {
    RandomStream stream(selection.at("seed").get<std::uint64_t>(), RandomUse::subset);
    for (std::size_t i = 0; i < count; ++i) {
      std::swap(rows[i], rows[i + stream.below(static_cast<std::uint32_t>(rows.size() - i))]);
    }
    rows.resize(count);
    std::sort(rows.begin(), rows.end());
  }
  return rows;
}

}  // namespace edgesweep
