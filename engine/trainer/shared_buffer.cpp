#include "engine/trainer/shared_buffer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.hpp"

namespace edgesweep {

SharedBuffer::SharedBuffer() : descriptor_(memfd_create("edgesweep-team", MFD_CLOEXEC)) {
  if (descriptor_ < 0) {
    throw SystemError("memfd_create", std::strerror(errno));
  }
  if (ftruncate(descriptor_, static_cast<off_t>(kBytes)) != 0) {
    const int error = errno;
    close(descriptor_);
    throw SystemError("ftruncate", std::strerror(error));
  }
  map();
}

SharedBuffer::SharedBuffer(int descriptor) : descriptor_(descriptor) { map(); }

SharedBuffer::~SharedBuffer() {
  munmap(data_, kBytes);
  close(descriptor_);
}

void SharedBuffer::map() {
  data_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (data_ == MAP_FAILED) {
    const int error = errno;
    close(descriptor_);
    throw SystemError("mmap", std::strerror(error));
  }
}

}  // namespace edgesweep
