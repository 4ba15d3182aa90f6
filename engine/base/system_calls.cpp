#include "engine/base/system_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "engine/base/fault_injection.hpp"

namespace edgesweep::calls {
namespace {

/// False, with errno, if a fault is to happen here.
bool goes_through(FaultPoint point, const std::string& path) {
  const InjectedFault fault = injected_fault(point, path);
  errno = fault.error;
  return fault.error == 0;
}

ssize_t write_some(int descriptor, std::span<const std::byte> content, std::optional<std::uint64_t> offset) {
  return offset ? ::pwrite(descriptor, content.data(), content.size(), static_cast<off_t>(*offset))
                : ::write(descriptor, content.data(), content.size());
}

bool write_all(int descriptor, std::span<const std::byte> content, std::optional<std::uint64_t> offset) {
  while (!content.empty()) {
    const ssize_t written = write_some(descriptor, content, offset);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    content = content.subspan(static_cast<std::size_t>(written));
    if (offset) {
      *offset += static_cast<std::uint64_t>(written);
    }
  }
  return true;
}

bool write_unless_fault(int descriptor, std::span<const std::byte> content, std::optional<std::uint64_t> offset,
                        const std::string& path) {
  const InjectedFault fault = injected_fault(FaultPoint::write, path);
  if (fault.torn) {
    write_all(descriptor, content.first(content.size() / 2), offset);
    die_of_fault();
  }
  if (fault.error != 0) {
    errno = fault.error;
    return false;
  }
  return write_all(descriptor, content, offset);
}

}  // namespace

bool write(int descriptor, std::span<const std::byte> content, const std::string& path) {
  return write_unless_fault(descriptor, content, std::nullopt, path);
}

bool write_at(int descriptor, std::span<const std::byte> content, std::uint64_t offset, const std::string& path) {
  return write_unless_fault(descriptor, content, offset, path);
}

bool sync(int descriptor, const std::string& path) {
  if (!goes_through(FaultPoint::sync, path)) {
    return false;
  }
  while (::fsync(descriptor) != 0) {
    if (errno != EINTR) {
      return errno == EINVAL || errno == ENOTSUP;
    }
  }
  return true;
}

bool sync_data(int descriptor, const std::string& path) {
  if (!goes_through(FaultPoint::sync, path)) {
    return false;
  }
  while (::fdatasync(descriptor) != 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool rename(const std::string& from, const std::string& to) {
  return goes_through(FaultPoint::rename, to) && std::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace edgesweep::calls
