#include "engine/mpi/worker_transport.hpp"

#include <utility>
#include <variant>

#include "engine/base/signals.hpp"
#include "engine/mpi/messages.hpp"

namespace edgesweep {
namespace {

constexpr int kCoordinator = 0;

}  // namespace

WorkerTransport::WorkerTransport(Communicator& communicator) : communicator_(communicator) {}

std::optional<std::string> WorkerTransport::receive_sweep() {
  Backoff backoff;
  while (true) {
    if (std::optional<Parcel> parcel = communicator_.try_receive()) {
      CoordinatorMessage message = unpack_coordinator_message(parcel->content);
      if (auto* sweep = std::get_if<SweepText>(&message)) {
        return std::move(sweep->text);
      }
      end_ = std::get<EndRun>(message);
      return std::nullopt;
    }
    backoff.wait();
  }
}

std::optional<PlacedAssignment> WorkerTransport::poll() {
  const std::optional<Parcel> parcel = communicator_.try_receive();
  if (!parcel) {
    return std::nullopt;
  }
  const CoordinatorMessage message = unpack_coordinator_message(parcel->content);
  if (const auto* assignment = std::get_if<Assignment>(&message)) {
    return PlacedAssignment{parcel->place, *assignment};
  }
  if (const auto* end = std::get_if<EndRun>(&message)) {
    end_ = *end;
  }
  stop_ = true;
  return std::nullopt;
}

std::optional<Assignment> WorkerTransport::next() {
  say_ready();
  Backoff backoff;
  while (!ended()) {
    if (stop_signal() != 0 && !told_of_signal_) {
      told_of_signal_ = true;
      send(StopAsked{});
    }
    if (const std::optional<PlacedAssignment> placed = poll()) {
      return placed->assignment;
    }
    backoff.wait();
  }
  return std::nullopt;
}

void WorkerTransport::send(int place, const WorkerMessage& message) {
  communicator_.send(kCoordinator, pack(message), place);
}

bool WorkerTransport::stop_requested() {
  poll();
  return stop_;
}

ExitCode WorkerTransport::wait_for_end() {
  communicator_.flush();
  Backoff backoff;
  while (!ended()) {
    poll();
    backoff.wait();
  }
  return end_->code;
}

}  // namespace edgesweep
