#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgesweep {

struct PngSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// From the header alone. Throws InputError unless the file is a PNG of 8-bit red, green and blue.
PngSize png_size(const std::string& path);

/// Red, green and blue of each pixel, 3 bytes, pixels by rows. Throws InputError unless the file is a whole PNG of
/// 8-bit red, green and blue.
std::vector<std::uint8_t> read_png(const std::string& path);

}  // namespace edgesweep
