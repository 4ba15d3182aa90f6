#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// Part `index` of `count` of a sweep, 1 ≤ index ≤ count: what one job of a job array runs.
struct Shard {
  std::int64_t index = 1;
  std::int64_t count = 1;

  /// "2/4", as `--shard` and the store have it.
  std::string text() const;
  bool operator==(const Shard&) const = default;
};

/// Reads "I/N". Throws InputError about --shard.
Shard parse_shard(const std::string& text);

/// Which of the sweep's trials are the shard's, by index. The shards of one count share all trials between them, so that
/// their predicted costs are about equal: the longest trials first, each to the shard with the least work so far (Graham
/// 1969). A pure function of its arguments: every job of an array finds the same partition by itself.
std::vector<bool> trials_of_shard(const Sweep& sweep, const Catalog& catalog, const Shard& shard);

}  // namespace edgesweep
