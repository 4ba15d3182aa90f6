#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edgesweep {

/// Whole content of a file. Throws InputError that names it if it can't be opened, SystemError if reading fails.
std::string read_text_file(const std::string& path);
std::vector<std::byte> read_binary_file(const std::string& path);

/// Writes under `path + ".partial.<pid>"`, fsyncs, renames to `path`, fsyncs the directory: after a kill or power loss
/// `path` holds the old or the new content, never a part. Throws SystemError; the partial file is removed.
void write_file_atomically(const std::string& path, std::span<const std::byte> content);
void write_file_atomically(const std::string& path, std::string_view content);

/// Writes under `path + ".partial"` and renames to `path`: readers see the old or the new content, never a part. Nothing is
/// synced, so after a power loss the file may be empty. For one writer. Throws SystemError; the partial file is removed.
void replace_file(const std::string& path, std::string_view content);

/// fsync of a file or directory by path. Throws SystemError.
void sync_path(const std::string& path);

/// Directory part of a path, "." if it has none.
std::string directory_of(const std::string& path);

/// Throws InputError naming `path` unless new files can be made in its directory.
void require_writable_directory(const std::string& path);

/// Makes a directory (and its parents); an existing one is fine. Throws SystemError.
void make_directory(const std::string& path);

/// A file that is made under a temporary name: removed with this object if it is still there, and at its start if an earlier
/// process left one.
class TemporaryName {
 public:
  explicit TemporaryName(std::string path);
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// An append-only file of lines. Each append is one write(2) of a whole line, so that readers and crashes see whole
/// lines or a torn one, which the next append ends first.
class LineLog {
 public:
  explicit LineLog(const std::string& path);  ///< Throws SystemError.
  LineLog(LineLog&& other) noexcept;
  LineLog& operator=(LineLog&& other) noexcept;
  ~LineLog();
  void append(std::string_view line);  ///< without newline. Throws SystemError.
  void sync();

 private:
  int descriptor_ = -1;
  bool torn_ = false;  ///< the last line has no end
  std::string path_;
};

}  // namespace edgesweep
