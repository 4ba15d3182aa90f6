#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace edgesweep {

/// A file whose values are read and overwritten in place, at byte offsets that never move. Move-only.
class RawFile {
 public:
  enum class Access { read, write };

  /// Opens a file that exists. Throws InputError if it can't be opened, or is no regular file.
  RawFile(const std::string& path, Access access);
  RawFile(RawFile&& other) noexcept;
  RawFile& operator=(RawFile&& other) noexcept;
  ~RawFile();

  /// Each throws SystemError naming the file.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  void write_at(std::uint64_t offset, std::span<const std::byte> content);
  void sync();  ///< all that was written is on the disk when it returns
  void close();
  std::uint64_t size() const;  ///< bytes

  /// False once the path is another file's or none's: what is written then goes to nobody.
  bool is_in_place() const;

  /// Copies the whole file to a new file `path`, also if it has been deleted; synced. Throws SystemError.
  void copy_to(const std::string& path) const;

  template <class Value>
  Value read_value(std::uint64_t offset) const {
    Value value{};
    read_at(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <class Value>
  void write_value(std::uint64_t offset, const Value& value) {
    write_at(offset, std::as_bytes(std::span(&value, 1)));
  }

 private:
  std::string path_;
  int descriptor_ = -1;
};

/// Throws SystemError unless a new file `path` of this many bytes fits on the disk now. HDF5 can't close, and may crash
/// on, a file that meets a full disk halfway, so that this is asked before. Throws InputError if it can't be made.
void require_room(const std::string& path, std::uint64_t bytes);

}  // namespace edgesweep
