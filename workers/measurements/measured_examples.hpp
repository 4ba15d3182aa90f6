#pragma once

#include <cstdint>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/data/dataset.hpp"

// The setting `examples` of a measurement: the part of the training set that it is taken on. n: the first n examples;
// {"count": n, "seed": s}: n of them at random (workers/data/selection.hpp). Absent: all.
namespace edgesweep {

/// Writes `examples` to `canonical` only where it is given: sweeps from before there was a choice keep their keys.
/// Throws InputError unless 1 ≤ n ≤ training examples in memory of `experiment`.
void read_measured_examples(ObjectReader& reader, Json& canonical, const Json& experiment);

/// n of a canonical measurement, `all` without the setting.
std::int64_t measured_count(const Json& canonical, std::int64_t all);

/// Inputs and targets of the examples of a canonical measurement's `examples` (null: all), on the device of `train`.
Examples measured_examples(const Json& selection, const Examples& train);

}  // namespace edgesweep
