#include "tests/engine/store/faulty_disk.hpp"

#include <cerrno>

using edgesweep::faulty_disk::disk;

namespace edgesweep::faulty_disk {

Disk& disk() {
  static Disk the_disk;
  return the_disk;
}

namespace {

/// Counts down; true when the call is the one to fail.
bool fails(int& before_failure) {
  if (before_failure < 0) return false;
  if (before_failure-- > 0) return false;
  errno = disk().error;
  return true;
}

}  // namespace
}  // namespace edgesweep::faulty_disk

extern "C" {

ssize_t __real_pwrite(int descriptor, const void* data, size_t size, off_t offset);
int __real_fdatasync(int descriptor);
int __real_fallocate(int descriptor, int mode, off_t offset, off_t length);

ssize_t __wrap_pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  if (edgesweep::faulty_disk::fails(disk().writes_before_failure)) return -1;
  const auto written = __real_pwrite(descriptor, data, size, offset);
  if (disk().recording && written > 0) {
    const auto* bytes = static_cast<const char*>(data);
    disk().operations.push_back({offset, {bytes, bytes + written}});
  }
  return written;
}

int __wrap_fdatasync(int descriptor) {
  if (edgesweep::faulty_disk::fails(disk().syncs_before_failure)) return -1;
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
