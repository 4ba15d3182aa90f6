#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// More trials than this in one sweep are taken for a typing error.
constexpr std::int64_t most_trials = 1'000'000;
/// More steps than this in one trial are taken for a typing error.
constexpr std::int64_t most_steps = 1'000'000'000'000;

/// The (B, η) points of a sweep.
struct Grid {
  Json canonical;                     ///< the sweep file's `grid`: blocks and lists sorted, numbers normalised
  std::vector<std::int64_t> batches;  ///< increasing
  std::int64_t points = 0;            ///< length of the longest list of η
  std::vector<Cell> cells;            ///< by batch, then by increasing η
};

/// What batch sizes a grid may have.
struct BatchLimits {
  std::int64_t train_examples = 0;  ///< D, the largest
  std::string full_batch_reason;    ///< why D is the only one (Catalog::full_batch_reason); empty if it is not
};

/// Reads the key `grid` of `root`. `seeds` (trials a cell) limits the number of cells. Throws InputError with the
/// JSON path.
Grid read_grid(ObjectReader& root, const BatchLimits& limits, std::int64_t seeds);

}  // namespace edgesweep
