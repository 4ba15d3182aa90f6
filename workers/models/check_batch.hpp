#pragma once

#include <cstdint>
#include <span>

namespace edgesweep {

/// Throws InputError unless `batch` has `batch_size` entries, each in [0, examples).
void check_batch(std::span<const std::int64_t> batch, std::int64_t batch_size, std::int64_t examples);

}  // namespace edgesweep
