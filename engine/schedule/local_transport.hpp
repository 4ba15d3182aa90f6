#pragma once

#include <functional>

#include "engine/schedule/coordinator.hpp"
#include "engine/schedule/worker_loop.hpp"

namespace edgesweep {

/// Coordinator and worker in one process, on one thread: the coordinator gets its turn whenever the worker speaks.
class LocalTransport final : public Transport {
 public:
  static constexpr int kWorker = 0;

  /// `each_turn` is called with the time after each turn of the coordinator. All must outlive the transport.
  LocalTransport(Coordinator& coordinator, std::function<void(double)> each_turn);

  std::optional<Assignment> next() override;
  void send(const WorkerMessage& message) override;
  bool stop_requested() override;

 private:
  void turn();

  Coordinator& coordinator_;
  std::function<void(double)> each_turn_;
};

}  // namespace edgesweep
