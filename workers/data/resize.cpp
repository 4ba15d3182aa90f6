#include "workers/data/resize.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace edgesweep {
namespace {

/// Weights are multiples of 2^-precision; sums of 255 times them fit in 32 bits.
constexpr int precision = 22;
constexpr std::int32_t half = 1 << (precision - 1);

/// For each of `size` output pixels the first source pixel and `taps` weights of it and those that follow, which sum to 1.
struct Filter {
  std::int64_t taps = 0;
  std::vector<std::int64_t> first;
  std::vector<std::int32_t> weights;
};

double support_of(double scale) { return std::max(1.0, scale); }

void make_filter(double from, double length, std::int64_t limit, std::int64_t size, Filter& filter) {
  const double scale = length / static_cast<double>(size), support = support_of(scale);
  filter.taps = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  filter.first.resize(static_cast<std::size_t>(size));
  filter.weights.assign(static_cast<std::size_t>(size * filter.taps), 0);
  std::vector<double> weights(static_cast<std::size_t>(filter.taps));
  for (std::int64_t i = 0; i < size; ++i) {
    const double centre = from + (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t low = std::clamp<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0, limit - 1);
    const std::int64_t high = std::clamp<std::int64_t>(static_cast<std::int64_t>(centre + support + 0.5), low + 1, limit);
    double sum = 0;
    for (std::int64_t k = low; k < high; ++k) {
      const double distance = std::abs((static_cast<double>(k) - centre + 0.5) / support);
      sum += weights[static_cast<std::size_t>(k - low)] = std::max(0.0, 1 - distance);
    }
    filter.first[static_cast<std::size_t>(i)] = low;
    for (std::int64_t k = low; k < high; ++k) {
      // A centre beyond the last pixel's far side would see none: the pixel itself then.
      const double weight = sum > 0 ? weights[static_cast<std::size_t>(k - low)] / sum : k == low ? 1 : 0;
      filter.weights[static_cast<std::size_t>(i * filter.taps + k - low)] =
          static_cast<std::int32_t>(std::lround(weight * (1 << precision)));
    }
  }
}

std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> precision, 0, 255)); }

/// Memory that a thread uses again.
struct Workspace {
  Filter rows, columns;
  std::vector<std::int32_t> sums;
  std::vector<std::uint8_t> line;
};

}  // namespace

SourceRange source_range(double from, double length, std::int64_t limit, std::int64_t size) {
  const double support = support_of(length / static_cast<double>(size));
  const std::int64_t low = std::clamp<std::int64_t>(static_cast<std::int64_t>(from - support) - 1, 0, limit - 1);
  const std::int64_t high = std::clamp<std::int64_t>(static_cast<std::int64_t>(from + length + support) + 2, low + 1, limit);
  return {low, high - low};
}

void resize_triangle(const RgbPixels& pixels, const CropBox& box, PixelSize out, std::uint8_t* planes) {
  static thread_local Workspace work;
  make_filter(box.top, box.height, pixels.image.height, out.height, work.rows);
  make_filter(box.left, box.width, pixels.image.width, out.width, work.columns);
  const std::int64_t plane = out.width * out.height;
  const auto stride = static_cast<std::size_t>(3 * pixels.image.width);
  work.sums.resize(stride);
  work.line.resize(stride);
  for (std::int64_t y = 0; y < out.height; ++y) {
    std::fill(work.sums.begin(), work.sums.end(), half);
    for (std::int64_t tap = 0; tap < work.rows.taps; ++tap) {
      const std::int32_t weight = work.rows.weights[static_cast<std::size_t>(y * work.rows.taps + tap)];
      if (weight == 0) continue;
      const std::int64_t row = work.rows.first[static_cast<std::size_t>(y)] + tap - pixels.first_row;
      const std::uint8_t* source = pixels.values.data() + static_cast<std::size_t>(row) * stride;
      std::int32_t* sums = work.sums.data();
      for (std::size_t i = 0; i < stride; ++i) sums[i] += weight * source[i];
    }
    std::transform(work.sums.begin(), work.sums.end(), work.line.begin(), rounded);
    for (std::int64_t x = 0; x < out.width; ++x) {
      const std::int32_t* weights = work.columns.weights.data() + x * work.columns.taps;
      const std::int64_t first = work.columns.first[static_cast<std::size_t>(x)];
      const std::int64_t taps = std::min(work.columns.taps, pixels.image.width - first);
      const std::uint8_t* source = work.line.data() + 3 * first;
      std::int32_t red = half, green = half, blue = half;
      for (std::int64_t tap = 0; tap < taps; ++tap, source += 3) {
        red += weights[tap] * source[0];
        green += weights[tap] * source[1];
        blue += weights[tap] * source[2];
      }
      std::uint8_t* place = planes + y * out.width + (box.flip ? out.width - 1 - x : x);
      place[0] = rounded(red);
      place[plane] = rounded(green);
      place[2 * plane] = rounded(blue);
    }
  }
}

}  // namespace edgesweep
