#include "engine/schedule/local_transport.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "engine/base/clock.hpp"
#include "engine/base/signals.hpp"

namespace edgesweep {
namespace {

constexpr std::chrono::milliseconds kPause{20};

}  // namespace

LocalTransport::LocalTransport(Coordinator& coordinator, std::function<void(double)> each_turn)
    : coordinator_(coordinator), each_turn_(std::move(each_turn)) {}

void LocalTransport::turn() {
  if (stop_signal() != 0) {
    coordinator_.request_stop();
  }
  const double now = monotonic_seconds();
  each_turn_(now);  // throws if the store is no longer ours, before anything is committed
  coordinator_.tick(now);
}

std::optional<Assignment> LocalTransport::next() {
  coordinator_.on_message(kWorker, WorkerReady{});
  while (true) {
    turn();
    const std::vector<Dispatch> dispatches = coordinator_.dispatch();
    if (!dispatches.empty()) {
      return dispatches.front().assignment;
    }
    if (coordinator_.finished()) {
      return std::nullopt;
    }
    std::this_thread::sleep_for(kPause);  // until the store can be written again
  }
}

void LocalTransport::send(const WorkerMessage& message) {
  coordinator_.on_message(kWorker, message);
  turn();
}

bool LocalTransport::stop_requested() {
  turn();
  return coordinator_.stopping();
}

}  // namespace edgesweep
