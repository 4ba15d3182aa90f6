#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/base/error.hpp"
#include "engine/spec/trial_runner.hpp"

namespace edgesweep {

/// The process at the other end of a socket has closed it, or is gone.
class PeerGone : public SystemError {
 public:
  using SystemError::SystemError;
};

/// One end of a connected stream socket that carries frames: eight bytes of length, then the content.
/// One thread may send while another receives.
class FrameSocket {
 public:
  /// Owns `descriptor`.
  explicit FrameSocket(int descriptor) : descriptor_(descriptor) {}
  FrameSocket(FrameSocket&& other) noexcept;
  FrameSocket& operator=(FrameSocket&& other) noexcept;
  ~FrameSocket();

  /// Sends a whole frame. While the peer reads too slowly, `while_waiting` is called every kWaitSeconds; it may throw,
  /// and the connection can't be used any more then. Throws PeerGone or SystemError.
  void send(std::span<const std::byte> content, const std::function<void()>& while_waiting = {});

  /// The next frame; empty if it is not there whole and nothing comes for `wait_seconds`, or a signal comes. What the
  /// peer sent before it went is given first. Throws PeerGone or SystemError.
  std::optional<Bytes> receive(double wait_seconds);

  static constexpr double kWaitSeconds = 0.02;

 private:
  static constexpr std::size_t kHeader = sizeof(std::uint64_t);

  void send_all(std::span<const std::byte> bytes, const std::function<void()>& while_waiting);
  bool whole() const { return content_ && received_ == content_->size(); }
  /// Where the next bytes of the frame go.
  std::span<std::byte> room();
  void take(std::size_t count);

  int descriptor_;
  std::array<std::byte, kHeader> header_{};
  std::optional<Bytes> content_;  ///< of the frame under way, once its length is known
  std::size_t received_ = 0;      ///< bytes of the header, then of the content
};

}  // namespace edgesweep
