#pragma once

#include <cstdint>
#include <functional>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// Learning rate of step 0, 1, …
using Schedule = std::function<double(std::int64_t step)>;

/// Canonical form of `experiment.schedule`, constant by default. Throws InputError.
Json canonical_schedule(ObjectReader reader);

/// `eta` is the cell's learning rate. constant: η at every step.
Schedule make_schedule(const Json& canonical, double eta);

}  // namespace edgesweep
