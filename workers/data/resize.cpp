#include "workers/data/resize.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "workers/inline.hpp"

namespace edgesweep {
namespace {

/// Weights are multiples of 2^-precision; sums of 255 times them fit in 32 bits, and are below 256 when rounded.
constexpr int precision = 22;
constexpr std::int32_t half = 1 << (precision - 1);

/// So many bytes are summed at a time, and so many output rows made. The vectors are explicit, since compilers do not agree on loops.
constexpr std::size_t lanes = 16;
using Bytes [[gnu::vector_size(lanes)]] = std::uint8_t;
using Shorts [[gnu::vector_size(lanes)]] = std::uint16_t;
using Ints [[gnu::vector_size(lanes)]] = std::int32_t;

/// What an output pixel is made of: the first source pixel, and the weights of it and those that follow, which sum to 1.
struct Tap {
  std::int64_t first = 0, count = 0;
  const std::int32_t* weights = nullptr;
};

struct Filter {
  std::vector<Tap> taps;
  std::vector<std::int32_t> weights;
};

double support_of(double scale) { return std::max(1.0, scale); }

void make_filter(double from, double length, std::int64_t limit, std::int64_t size, Filter& filter) {
  const double scale = length / static_cast<double>(size), support = support_of(scale);
  const auto most = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  filter.taps.resize(static_cast<std::size_t>(size));
  filter.weights.resize(static_cast<std::size_t>(size) * most);
  std::vector<double> weights(most);
  std::int32_t* place = filter.weights.data();
  for (std::int64_t i = 0; i < size; ++i, place += most) {
    const double centre = from + (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t low = std::clamp<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0, limit - 1);
    const std::int64_t high = std::clamp<std::int64_t>(static_cast<std::int64_t>(centre + support + 0.5), low + 1, limit);
    double sum = 0;
    for (std::int64_t k = low; k < high; ++k) {
      const double distance = std::abs((static_cast<double>(k) - centre + 0.5) / support);
      sum += weights[static_cast<std::size_t>(k - low)] = std::max(0.0, 1 - distance);
    }
    for (std::int64_t k = low; k < high; ++k) {
      // A centre beyond the last pixel's far side would see none: the pixel itself then.
      const double weight = sum > 0 ? weights[static_cast<std::size_t>(k - low)] / sum : k == low ? 1 : 0;
      place[k - low] = static_cast<std::int32_t>(std::lround(weight * (1 << precision)));
    }
    filter.taps[static_cast<std::size_t>(i)] = {low, high - low, place};
  }
}

// a0 b0 a1 b1 … of the first and of the second half of each, and the low halves of wider numbers on machines that store these first.
#define EDGESWEEP_LOW_16(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define EDGESWEEP_HIGH_16(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EDGESWEEP_LOW_8(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define EDGESWEEP_HIGH_8(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EDGESWEEP_EVEN_8(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define EDGESWEEP_EVEN_16(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)

/// Weighted sums of `lanes` bytes at `source`, `source` + `step`, … to `to`.
EDGESWEEP_INLINE void add_up(const Tap& tap, const std::uint8_t* source, std::size_t step, std::uint8_t* to) {
  Ints sums[4] = {Ints{} + half, Ints{} + half, Ints{} + half, Ints{} + half};
  for (std::int64_t k = 0; k < tap.count; ++k, source += step) {
    Bytes bytes;
    std::memcpy(&bytes, source, lanes);
    const Shorts low = std::bit_cast<Shorts>(EDGESWEEP_LOW_16(bytes, Bytes{}));
    const Shorts high = std::bit_cast<Shorts>(EDGESWEEP_HIGH_16(bytes, Bytes{}));
    sums[0] += tap.weights[k] * std::bit_cast<Ints>(EDGESWEEP_LOW_8(low, Shorts{}));
    sums[1] += tap.weights[k] * std::bit_cast<Ints>(EDGESWEEP_HIGH_8(low, Shorts{}));
    sums[2] += tap.weights[k] * std::bit_cast<Ints>(EDGESWEEP_LOW_8(high, Shorts{}));
    sums[3] += tap.weights[k] * std::bit_cast<Ints>(EDGESWEEP_HIGH_8(high, Shorts{}));
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) sums[i] >>= precision;
  const Shorts low = EDGESWEEP_EVEN_8(std::bit_cast<Shorts>(sums[0]), std::bit_cast<Shorts>(sums[1]));
  const Shorts high = EDGESWEEP_EVEN_8(std::bit_cast<Shorts>(sums[2]), std::bit_cast<Shorts>(sums[3]));
  const Bytes bytes = EDGESWEEP_EVEN_16(std::bit_cast<Bytes>(low), std::bit_cast<Bytes>(high));
  std::memcpy(to, &bytes, lanes);
}

#undef EDGESWEEP_EVEN_8
#undef EDGESWEEP_EVEN_16
#undef EDGESWEEP_LOW_8
#undef EDGESWEEP_HIGH_8

std::uint8_t add_up_one(const Tap& tap, const std::uint8_t* source, std::size_t step) {
  std::int32_t sum = half;
  for (std::int64_t k = 0; k < tap.count; ++k, source += step) sum += tap.weights[k] * *source;
  return static_cast<std::uint8_t>(sum >> precision);
}

/// Rows of `from` become columns of `to`: both sides are halved and interleaved four times.
EDGESWEEP_INLINE void transpose(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to) {
  Bytes rows[lanes], woven[lanes];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < lanes; ++i) std::memcpy(&rows[i], from + i * from_stride, lanes);
#pragma GCC unroll 4
  for (int times = 0; times < 4; ++times) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < lanes / 2; ++i) {
      woven[2 * i] = EDGESWEEP_LOW_16(rows[i], rows[i + lanes / 2]);
      woven[2 * i + 1] = EDGESWEEP_HIGH_16(rows[i], rows[i + lanes / 2]);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < lanes; ++i) rows[i] = woven[i];
  }
  std::memcpy(to, rows, sizeof rows);
}

#undef EDGESWEEP_LOW_16
#undef EDGESWEEP_HIGH_16

/// Memory that a thread uses again.
struct Workspace {
  Filter rows, columns;
  std::vector<std::uint8_t> lines;   ///< lanes rows of the output before their columns are summed
  std::vector<std::uint8_t> turned;  ///< their transpose
  std::vector<std::uint8_t> made;    ///< the transpose of lanes rows of an output plane
};

std::size_t padded(std::size_t count) { return (count + lanes - 1) / lanes * lanes; }

/// A row of the output before its columns are summed.
EDGESWEEP_INLINE void sum_rows(const RgbPixels& pixels, const Tap& tap, std::size_t bytes, std::uint8_t* line) {
  const std::uint8_t* source = pixels.values.data() + static_cast<std::size_t>(tap.first - pixels.rows.first) * bytes;
  std::size_t i = 0;
  for (; i + lanes <= bytes; i += lanes) add_up(tap, source + i, bytes, line + i);
  for (; i < bytes; ++i) line[i] = add_up_one(tap, source + i, bytes);
}

/// `rows` rows of an output plane from the transpose of their lines, which begins at the channel's byte of column `first`.
EDGESWEEP_INLINE void sum_columns(const std::vector<Tap>& taps, const std::uint8_t* turned, std::int64_t first, bool flip, std::size_t rows,
                                  std::uint8_t* made, std::uint8_t* plane) {
  const std::size_t width = taps.size();
  for (std::size_t x = 0; x < width; ++x) {
    const auto skipped = static_cast<std::size_t>(taps[x].first - first);
    add_up(taps[x], turned + 3 * skipped * lanes, 3 * lanes, made + (flip ? width - 1 - x : x) * lanes);
  }
  for (std::size_t x = 0; x < width; x += lanes) {
    std::uint8_t square[lanes * lanes];
    transpose(made + x * lanes, lanes, square);
    for (std::size_t row = 0; row < rows; ++row) {
      std::memcpy(plane + row * width + x, square + row * lanes, std::min(lanes, width - x));
    }
  }
}

/// `lanes` rows of the output at a time.
EDGESWEEP_INLINE void resize_planes(const RgbPixels& pixels, bool flip, Workspace& work, std::uint8_t* planes) {
  const auto bytes = static_cast<std::size_t>(3 * pixels.columns.count), stride = padded(bytes);
  const std::size_t width = work.columns.taps.size(), height = work.rows.taps.size();
  work.lines.resize(lanes * stride);
  work.turned.resize(lanes * stride);
  work.made.resize(lanes * padded(width));
  for (std::size_t top = 0; top < height; top += lanes) {
    const std::size_t rows = std::min(lanes, height - top);
    for (std::size_t row = 0; row < rows; ++row) sum_rows(pixels, work.rows.taps[top + row], bytes, work.lines.data() + row * stride);
    for (std::size_t i = 0; i < stride; i += lanes) transpose(work.lines.data() + i, stride, work.turned.data() + i * lanes);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      sum_columns(work.columns.taps, work.turned.data() + channel * lanes, pixels.columns.first, flip, rows, work.made.data(),
                  planes + (channel * height + top) * width);
    }
  }
}

using Resize = void (*)(const RgbPixels& pixels, bool flip, Workspace& work, std::uint8_t* planes);

void resize_anywhere(const RgbPixels& pixels, bool flip, Workspace& work, std::uint8_t* planes) {
  resize_planes(pixels, flip, work, planes);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void resize_avx2(const RgbPixels& pixels, bool flip, Workspace& work, std::uint8_t* planes) {
  resize_planes(pixels, flip, work, planes);
}

Resize resize_of_this_cpu() { return __builtin_cpu_supports("avx2") ? resize_avx2 : resize_anywhere; }
#else
Resize resize_of_this_cpu() { return resize_anywhere; }
#endif

}  // namespace

PixelRange source_range(double from, double length, std::int64_t limit, std::int64_t size) {
  const double support = support_of(length / static_cast<double>(size));
  const std::int64_t low = std::clamp<std::int64_t>(static_cast<std::int64_t>(from - support) - 1, 0, limit - 1);
  const std::int64_t high = std::clamp<std::int64_t>(static_cast<std::int64_t>(from + length + support) + 2, low + 1, limit);
  return {low, high - low};
}

void resize_triangle(const RgbPixels& pixels, const CropBox& box, PixelSize out, std::uint8_t* planes) {
  static const Resize resize = resize_of_this_cpu();
  static thread_local Workspace work;
  make_filter(box.top, box.height, pixels.image.height, out.height, work.rows);
  make_filter(box.left, box.width, pixels.image.width, out.width, work.columns);
  resize(pixels, box.flip, work, planes);
}

}  // namespace edgesweep
