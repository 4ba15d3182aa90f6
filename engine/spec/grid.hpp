#pragma once

#include <cstdint>
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

/// Reads the key `grid` of `root`. `train_examples` (D) limits the batch sizes, `seeds` (trials a cell) the
/// number of cells. Throws InputError with the JSON path.
Grid read_grid(ObjectReader& root, std::int64_t train_examples, std::int64_t seeds);

}  // namespace edgesweep
