#include "engine/store/raw_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/base/system_calls.hpp"

namespace edgesweep {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& action) {
  throw SystemError(path, action + " failed: " + std::strerror(errno));
}

void close_quietly(int& descriptor, const std::string& path) noexcept {
  if (descriptor < 0) return;
  if (::close(descriptor) != 0) log_error(path + ": closing failed: " + std::strerror(errno));
  descriptor = -1;
}

}  // namespace

RawFile::RawFile(const std::string& path, Access access)
    : path_(path), descriptor_(::open(path.c_str(), (access == Access::write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)) {
  // Not to wait for the other end of a pipe; on files it changes nothing.
  if (descriptor_ < 0)
    throw InputError(path, std::string("can't be opened for ") + (access == Access::write ? "writing: " : "reading: ") +
                               std::strerror(errno));
  struct stat status {};
  if (fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) return;
  close_quietly(descriptor_, path_);
  throw InputError(path, S_ISDIR(status.st_mode) ? "is a directory; a file is expected" : "is no regular file");
}

RawFile::RawFile(RawFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RawFile& RawFile::operator=(RawFile&& other) noexcept {
  if (this != &other) {
    close_quietly(descriptor_, path_);
    path_ = std::move(other.path_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

RawFile::~RawFile() { close_quietly(descriptor_, path_); }

void RawFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const auto got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_, "reading");
    if (got == 0) throw SystemError(path_, "is shorter than when it was opened");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

void RawFile::write_at(std::uint64_t offset, std::span<const std::byte> content) {
  if (!calls::write_at(descriptor_, content, offset, path_)) fail(path_, "writing");
}

void RawFile::sync() {
  if (!calls::sync_data(descriptor_, path_)) fail(path_, "syncing");
}

std::uint64_t RawFile::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail(path_, "examining");
  return static_cast<std::uint64_t>(status.st_size);
}

void RawFile::close() {
  if (descriptor_ < 0) return;
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(path_, "closing");
}

bool RawFile::is_in_place() const {
  struct stat mine {}, there {};
  if (::fstat(descriptor_, &mine) != 0 || ::stat(path_.c_str(), &there) != 0) return false;
  return mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

void RawFile::copy_to(const std::string& path) const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) fail(path_, "examining");
  std::vector<std::byte> content(static_cast<std::size_t>(status.st_size));
  read_at(0, content);
  write_file_atomically(path, content);
}

void require_room(const std::string& path, std::uint64_t bytes) {
  int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) throw InputError(path, std::string("can't be made: ") + std::strerror(errno));
  int error = ::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  if (error == EOPNOTSUPP || error == ENOSYS || error == EINVAL) {
    // This file system can't reserve: only writing shows.
    error = 0;
    const std::vector<std::byte> zeros(1 << 20);
    for (std::uint64_t done = 0; done < bytes && error == 0; done += zeros.size()) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), bytes - done));
      if (!calls::write(descriptor, std::span(zeros).first(size), path)) error = errno;
    }
    if (error == 0 && !calls::sync(descriptor, path)) error = errno;
  }
  close_quietly(descriptor, path);
  ::unlink(path.c_str());
  if (error != 0)
    throw SystemError(path, "no room for " + std::to_string((bytes >> 10) + 1) + " KiB: " + std::strerror(error));
}

}  // namespace edgesweep
