#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgesweep::testing {

/// A folder of its own below the temporary one, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// An IDX file of unsigned bytes with that header and content, whether they fit or not.
std::vector<std::uint8_t> idx_bytes(const std::vector<std::uint32_t>& sizes, const std::vector<std::uint8_t>& content);

void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes);
void write_gzip(const std::string& path, const std::vector<std::uint8_t>& bytes);

/// Pixel p of image i of a made-up MNIST: uneven in both, with some pixels that are always 0.
std::uint8_t made_up_pixel(std::int64_t image, std::int64_t pixel);
/// Label of image i.
std::uint8_t made_up_label(std::int64_t image);

/// The four MNIST files with made-up content; gzipped if asked for.
void write_made_up_mnist(const std::string& folder, std::int64_t train, std::int64_t test, bool gzipped = false);

}  // namespace edgesweep::testing
