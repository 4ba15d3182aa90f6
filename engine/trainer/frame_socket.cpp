#include "engine/trainer/frame_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "engine/base/fault_injection.hpp"

namespace edgesweep {
namespace {

/// No checkpoint is that long: the stream is out of step.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;

[[noreturn]] void fail(const char* call) {
  if (errno == EPIPE || errno == ECONNRESET) {
    throw PeerGone("socket", "the other end is gone");
  }
  throw SystemError(call, std::strerror(errno));
}

/// Counted once a frame.
void meet_faults(FaultPoint point, const char* call) {
  if (const InjectedFault fault = injected_fault(point, "trainer"); fault.error != 0) {
    errno = fault.error;
    fail(call);
  }
}

/// True if one of `events` came within the time.
bool wait_for(int descriptor, short events, double seconds) {
  pollfd look{descriptor, events, 0};
  return poll(&look, 1, static_cast<int>(1e3 * seconds)) > 0;
}

}  // namespace

FrameSocket::FrameSocket(FrameSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), header_(other.header_), content_(std::move(other.content_)),
      received_(other.received_) {}

FrameSocket& FrameSocket::operator=(FrameSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(header_, other.header_);
  std::swap(content_, other.content_);
  std::swap(received_, other.received_);
  return *this;
}

FrameSocket::~FrameSocket() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

void FrameSocket::send(std::span<const std::byte> content, const std::function<void()>& while_waiting) {
  meet_faults(FaultPoint::send, "send");
  const std::uint64_t length = content.size();
  send_all(std::as_bytes(std::span(&length, 1)), while_waiting);
  send_all(content, while_waiting);
}

void FrameSocket::send_all(std::span<const std::byte> bytes, const std::function<void()>& while_waiting) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(descriptor_, POLLOUT, kWaitSeconds) && while_waiting) {
        while_waiting();
      }
    } else if (errno != EINTR) {
      fail("send");
    }
  }
}

std::span<std::byte> FrameSocket::room() {
  return content_ ? std::span(*content_).subspan(received_) : std::span(header_).subspan(received_);
}

void FrameSocket::take(std::size_t count) {
  received_ += count;
  if (!content_ && received_ == kHeader) {
    std::uint64_t length = 0;
    std::memcpy(&length, header_.data(), kHeader);
    if (length > kMostBytes) {
      throw SystemError("socket", "a frame of " + std::to_string(length) + " bytes can't be");
    }
    content_.emplace(static_cast<std::size_t>(length));
    received_ = 0;
  }
}

std::optional<Bytes> FrameSocket::receive(double wait_seconds) {
  while (!whole()) {
    const std::span<std::byte> free = room();
    const ssize_t count = recv(descriptor_, free.data(), free.size(), MSG_DONTWAIT);
    if (count > 0) {
      take(static_cast<std::size_t>(count));
    } else if (count == 0) {
      throw PeerGone("socket", "the other end is gone");
    } else if (errno == EAGAIN) {
      if (!wait_for(descriptor_, POLLIN, wait_seconds)) {
        return std::nullopt;
      }
    } else if (errno != EINTR) {
      fail("recv");
    }
  }
  meet_faults(FaultPoint::receive, "recv");
  received_ = 0;
  return std::exchange(content_, std::nullopt);
}

}  // namespace edgesweep
