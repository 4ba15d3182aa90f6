#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "engine/trainer/frame_socket.hpp"
#include "engine/trainer/messages.hpp"

namespace edgesweep {

/// A trainer's way to its rank, for several threads.
class ReportLine {
 public:
  /// `socket` must outlive the line.
  explicit ReportLine(FrameSocket& socket) : socket_(socket) {}

  /// Throws PeerGone or SystemError.
  void send(const TrainerReport& report);

 private:
  FrameSocket& socket_;
  std::mutex mutex_;
};

/// While it lives, a thread tells the rank every kHeartbeatSeconds that the process is alive, and how far it is.
class Heartbeat {
 public:
  static constexpr double kHeartbeatSeconds = 0.25;

  /// `line` must outlive it.
  explicit Heartbeat(ReportLine& line);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat();

  /// A step or a record was taken. Cheap.
  void progress() { progress_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void beat();

  ReportLine& line_;
  std::atomic<std::int64_t> progress_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace edgesweep
