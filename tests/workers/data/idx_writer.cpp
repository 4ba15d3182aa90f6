#include "tests/workers/data/idx_writer.hpp"

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace edgesweep::testing {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "edgesweep-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::uint8_t> idx_bytes(const std::vector<std::uint32_t>& sizes, const std::vector<std::uint8_t>& content) {
  std::vector<std::uint8_t> bytes{0, 0, 8, static_cast<std::uint8_t>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(size >> shift));
  }
  bytes.insert(bytes.end(), content.begin(), content.end());
  return bytes;
}

void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void write_gzip(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

std::uint8_t made_up_pixel(std::int64_t image, std::int64_t pixel) {
  if (pixel % 5 == 0) return 0;
  return static_cast<std::uint8_t>((image * image * 31 + pixel * 17 + image * pixel * 7) % 256);
}

std::uint8_t made_up_label(std::int64_t image) { return static_cast<std::uint8_t>(image * 3 % 10); }

void write_made_up_mnist(const std::string& folder, std::int64_t train, std::int64_t test, bool gzipped) {
  const auto write = [&](const std::string& name, const std::vector<std::uint8_t>& bytes) {
    gzipped ? write_gzip(folder + "/" + name + ".gz", bytes) : write_bytes(folder + "/" + name, bytes);
  };
  const auto write_split = [&](const std::string& prefix, std::int64_t count, std::int64_t first) {
    std::vector<std::uint8_t> pixels;
    std::vector<std::uint8_t> labels;
    for (std::int64_t i = first; i < first + count; ++i) {
      for (std::int64_t p = 0; p < 784; ++p) pixels.push_back(made_up_pixel(i, p));
      labels.push_back(made_up_label(i));
    }
    const auto items = static_cast<std::uint32_t>(count);
    write(prefix + "-images-idx3-ubyte", idx_bytes({items, 28, 28}, pixels));
    write(prefix + "-labels-idx1-ubyte", idx_bytes({items}, labels));
  };
  write_split("train", train, 0);
  write_split("t10k", test, 100000);
}

}  // namespace edgesweep::testing
