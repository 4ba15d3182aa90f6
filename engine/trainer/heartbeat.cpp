#include "engine/trainer/heartbeat.hpp"

#include <chrono>

namespace edgesweep {

void ReportLine::send(const TrainerReport& report) {
  const Bytes content = pack(report);
  const std::lock_guard guard(mutex_);
  socket_.send(content);
}

Heartbeat::Heartbeat(ReportLine& line) : line_(line), thread_([this] { beat(); }) {}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Heartbeat::beat() {
  const std::chrono::duration<double> period(kHeartbeatSeconds);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, period, [&] { return ending_; })) {
    lock.unlock();
    try {
      line_.send(TrainerAlive{progress_.load(std::memory_order_relaxed)});
    } catch (const SystemError&) {
      return;  // the thread that trains finds out by itself
    }
    lock.lock();
  }
}

}  // namespace edgesweep
