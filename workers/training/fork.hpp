#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// `experiment.fork`: every trial of the sweep is the parent trial up to `step`, with its parameters, velocity and order of
/// the data, and goes on with its own B and η from there. The trial with the parent's B, η, steps and seed is the control
/// branch: the parent's own continuation, bit for bit.
struct Fork {
  std::int64_t step = 0;   ///< SGD steps before the branches part
  std::int64_t batch = 0;  ///< the parent's B
  double eta = 0;          ///< the parent's η
  std::int64_t steps = 0;  ///< the parent's number of steps: its schedule may depend on it
  std::int64_t seed = 0;   ///< the parent's seed. A branch with this seed keeps the parent's random numbers after the fork
  std::string key;         ///< the parent's trial key, hex sha256: its random numbers
};

/// Canonical form. Throws InputError.
Json canonical_fork(ObjectReader reader, std::int64_t train_examples);

/// Of a canonical experiment; nothing without `fork`.
std::optional<Fork> fork_of(const Json& experiment);

}  // namespace edgesweep
