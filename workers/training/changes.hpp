#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// One entry of `experiment.changes`: what is different from `step` on, in every trial.
struct Change {
  std::int64_t step = 0;              ///< SGD steps before it
  double eta_times = 1;               ///< factor on the learning rate, on top of those of earlier changes
  std::optional<std::int64_t> batch;  ///< the new B; nothing: B stays
};

/// Canonical form of the list `changes` of `experiment`: steps increase, each entry has `eta_times`, `batch` or both.
/// Throws InputError.
Json canonical_changes(ObjectReader& experiment, std::int64_t train_examples);

/// Of a canonical experiment, by step; empty without `changes`.
std::vector<Change> changes_of(const Json& experiment);

}  // namespace edgesweep
