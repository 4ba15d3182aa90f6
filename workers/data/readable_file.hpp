#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace edgesweep {

/// A file open for reading, by several threads at once. All throw InputError that names it.
class ReadableFile {
 public:
  explicit ReadableFile(std::string path);
  ~ReadableFile();
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;

  const std::string& path() const { return path_; }
  std::size_t size() const { return size_; }
  /// Fewer bytes than `count` where the file ends before.
  std::vector<std::uint8_t> read(std::size_t offset, std::size_t count) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

}  // namespace edgesweep
