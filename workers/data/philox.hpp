#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace edgesweep {

/// Philox4x32-10 (Salmon et al., SC'11, "Parallel random numbers: as easy as 1, 2, 3"): a block of random bits is a
/// pure function of a key and a counter, so that any random number of a trial can be had at any time on any machine.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// What a stream of random numbers is for. Values are part of every result: never renumber.
enum class RandomUse : std::uint32_t {
  initial_parameters = 1,
  epoch_order = 2,
  iid_batch = 3,
  subset = 4,
  hessian_start = 5,
  trace_probe = 6,
  measured_batches = 7,
  minibatch_start = 8,
  augmentation = 9,
  density_probe = 10,
  output_signs = 11,
  image_crop = 12,
  sampled_labels = 13,
  linear_jacobian = 16,
  linear_basis = 17,
  linear_scale = 18,
  linear_target = 19,
  linear_run = 20,
  quadratic_jacobian = 32,
  quadratic_batches = 33,
  quadratic_residuals = 34,
  quadratic_curvature = 35,
  linear_map_inputs = 48,
  linear_map = 49,
};

/// The numbers of one use and one `index` (an epoch, a step, a layer…) under one 64-bit key. Reading advances only this
/// object; two streams with the same arguments give the same numbers.
class RandomStream {
 public:
  RandomStream(std::uint64_t key, RandomUse use, std::uint64_t index = 0);

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  /// Uniform on {0, …, n − 1}, unbiased; 1 ≤ n < 2^32.
  std::uint32_t below(std::uint32_t n);
  /// Uniform on the odd multiples of 2^-53 in (0, 1): never 0 or 1.
  double uniform();
  /// Standard normal (Box–Muller in double).
  double normal();
  /// ±1 with equal chance.
  double sign();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

/// 64-bit key from the first 16 hex digits of a digest (a Trial's key).
std::uint64_t random_key(const std::string& hex_digest);

}  // namespace edgesweep
