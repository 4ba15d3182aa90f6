#include "workers/models/check_batch.hpp"

#include <string>

#include "engine/base/error.hpp"

namespace edgesweep {

void check_batch(std::span<const std::int64_t> batch, std::int64_t batch_size, std::int64_t examples) {
  if (static_cast<std::int64_t>(batch.size()) != batch_size) {
    throw InputError("batch", "found " + std::to_string(batch.size()) + " rows; the stepper was made for " +
                                  std::to_string(batch_size));
  }
  for (const std::int64_t row : batch) {
    if (row < 0 || row >= examples) {
      throw InputError(
          "batch", "found row " + std::to_string(row) + "; the training set has " + std::to_string(examples));
    }
  }
}

}  // namespace edgesweep
