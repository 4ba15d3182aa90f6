#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "workers/data/jpeg.hpp"

// Made-up JPEG images in folders of classes.
namespace edgesweep::testing {

/// A smooth picture of its own, rows × columns × 3.
inline std::vector<std::uint8_t> made_up_pixels(int seed, PixelSize size) {
  std::vector<std::uint8_t> rgb;
  for (std::int64_t y = 0; y < size.height; ++y) {
    for (std::int64_t x = 0; x < size.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double wave = std::sin(0.11 * static_cast<double>(x) * (1 + 0.1 * seed) + c) + std::cos(0.07 * static_cast<double>(y) + seed);
        rgb.push_back(static_cast<std::uint8_t>(127.5 + 60 * wave));
      }
    }
  }
  return rgb;
}

inline std::vector<std::uint8_t> made_up_jpeg(int seed, PixelSize size) { return encode_jpeg(made_up_pixels(seed, size), size, 92); }

inline void write_bytes(const std::filesystem::path& path, const std::vector<std::uint8_t>& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// `counts[c]` images of class c, DIR/SPLIT/class_c/image_k.JPEG, all of other sizes.
inline void write_split(const std::string& directory, const std::string& split, const std::vector<int>& counts) {
  int seed = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    for (int k = 0; k < counts[c]; ++k) {
      write_bytes(std::filesystem::path(directory) / split / ("class_" + std::to_string(c)) / ("image_" + std::to_string(k) + ".JPEG"),
                  made_up_jpeg(seed, {40 + 7 * (seed % 5), 33 + 5 * (seed % 7)}));
      ++seed;
    }
  }
}

}  // namespace edgesweep::testing
