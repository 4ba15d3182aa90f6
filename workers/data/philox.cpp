#include "workers/data/philox.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace edgesweep {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

RandomStream::RandomStream(std::uint64_t key, RandomUse use, std::uint64_t index)
    : key_{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)},
      counter_{0, static_cast<std::uint32_t>(use), static_cast<std::uint32_t>(index),
               static_cast<std::uint32_t>(index >> 32)} {}

std::uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

std::uint64_t RandomStream::next_u64() {
  const std::uint64_t low = next_u32();
  return low | std::uint64_t{next_u32()} << 32;
}

// Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019): the high word of a product, with the
// few low words that would make some results likelier drawn again.
std::uint32_t RandomStream::below(std::uint32_t n) {
  std::uint64_t product = std::uint64_t{next_u32()} * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t threshold = (0U - n) % n;
    while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next_u32()} * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

double RandomStream::uniform() {
  // 52 bits: with 53 the largest value plus a half would round to 1.
  return (static_cast<double>(next_u64() >> 12) + 0.5) * 0x1p-52;
}

double RandomStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

double RandomStream::sign() { return (next_u32() & 1U) != 0 ? 1.0 : -1.0; }

std::uint64_t random_key(const std::string& hex_digest) {
  if (hex_digest.size() < 16 || hex_digest.find_first_not_of("0123456789abcdef") < 16) {
    throw std::invalid_argument("not a hexadecimal digest: " + hex_digest);
  }
  return std::stoull(hex_digest.substr(0, 16), nullptr, 16);
}

}  // namespace edgesweep
