#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace edgesweep {

/// Which training examples make the batch of a step: a pure function of key and step, so that a resumed trial goes on
/// with the same batches.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// B distinct rows of {0, …, D − 1} for `step` ≥ 0, any step at any time; valid until the next call.
  virtual std::span<const std::int64_t> batch(std::int64_t step) = 0;
};

/// epoch: a new permutation each epoch of ⌊D / B⌋ steps, cut into batches; what is left over is dropped.
/// iid: B distinct examples drawn afresh each step, as theory.md section 1 assumes; O(B) a step.
const std::vector<std::string>& sampler_names();

/// `key` is the trial's; 1 ≤ `batch_size` ≤ `examples` < 2^32. Throws std::invalid_argument on an unknown name.
std::unique_ptr<Sampler> make_sampler(const std::string& name, std::uint64_t key, std::int64_t examples,
                                      std::int64_t batch_size);

}  // namespace edgesweep
