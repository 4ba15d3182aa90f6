#include "tests/engine/store/recorded_disk.hpp"

#include <cerrno>

using edgesweep::recorded_disk::disk;

namespace edgesweep::recorded_disk {

Disk& disk() {
  static Disk the_disk;
  return the_disk;
}

}  // namespace edgesweep::recorded_disk

extern "C" {

ssize_t __real_pwrite(int descriptor, const void* data, size_t size, off_t offset);
int __real_fdatasync(int descriptor);
int __real_fallocate(int descriptor, int mode, off_t offset, off_t length);

ssize_t __wrap_pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  const auto written = __real_pwrite(descriptor, data, size, offset);
  if (disk().recording && written > 0) {
    const auto* bytes = static_cast<const char*>(data);
    disk().operations.push_back({offset, {bytes, bytes + written}});
  }
  return written;
}

int __wrap_fdatasync(int descriptor) {
  if (!disk().recording) return __real_fdatasync(descriptor);
  disk().operations.push_back({});
  return 0;
}

int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t length) {
  if (!disk().can_reserve) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return __real_fallocate(descriptor, mode, offset, length);
}
}
