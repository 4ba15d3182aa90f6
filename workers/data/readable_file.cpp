#include "workers/data/readable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

[[noreturn]] void fail(const std::string& path) { throw InputError(path, std::string("can't be read: ") + std::strerror(errno)); }

}  // namespace

ReadableFile::ReadableFile(std::string path) : path_(std::move(path)), descriptor_(open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail(path_);
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) {
    close(descriptor_);
    fail(path_);
  }
  size_ = static_cast<std::size_t>(status.st_size);
}

ReadableFile::~ReadableFile() { close(descriptor_); }

std::vector<std::uint8_t> ReadableFile::read(std::size_t offset, std::size_t count) const {
  std::vector<std::uint8_t> bytes(count);
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = pread(descriptor_, bytes.data() + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace edgesweep
