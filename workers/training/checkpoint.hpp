#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec/trial_runner.hpp"
#include "workers/training/dynamics.hpp"

namespace edgesweep {

/// All that a trial needs to go on as if nothing had happened.
struct Checkpoint {
  std::string trial_key;
  std::int64_t step = 0;                     ///< SGD steps taken
  std::vector<std::vector<double>> records;  ///< taken so far, in order, all of one length
  DynamicsState state;
};

/// Little-endian bytes: "EDGSWCKP", version (u32), key, step (i64), records, parts. A text is its length (u64) and its
/// bytes; a tensor its dtype (text), number of dimensions (u64), sizes (i64) and values. Device tensors are copied.
Bytes encode_checkpoint(const Checkpoint& checkpoint);

/// CPU tensors. Throws InputError about `checkpoint` unless every byte is as encode_checkpoint writes it.
Checkpoint decode_checkpoint(const Bytes& bytes);

}  // namespace edgesweep
