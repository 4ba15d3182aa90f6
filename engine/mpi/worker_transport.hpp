#pragma once

#include <string>

#include "engine/mpi/communicator.hpp"
#include "engine/schedule/worker_loop.hpp"

namespace edgesweep {

/// An assignment to one of a worker's places.
struct PlacedAssignment {
  int place = 0;
  Assignment assignment;
};

/// A worker's connection to the coordinator on rank 0.
class WorkerTransport final : public Transport {
 public:
  /// `communicator` must outlive the transport.
  explicit WorkerTransport(Communicator& communicator);

  /// Waits for the first message of all: the sweep's canonical text; empty if rank 0 has ended the run instead.
  std::optional<std::string> receive_sweep();

  /// Of a member that does not lead: it is ready to train with its team.
  void say_ready() { send(WorkerReady{}); }

  std::optional<Assignment> next() override;
  void send(const WorkerMessage& message) override { send(0, message); }
  bool stop_requested() override;

  // The same for a worker of several places.
  void send(int place, const WorkerMessage& message);
  /// Takes in one message if one is there; an assignment is returned.
  std::optional<PlacedAssignment> poll();
  bool stop_came() const { return stop_; }
  bool ended() const { return end_.has_value(); }

  /// Sends all that is under way, waits until the coordinator ends the run, and returns the code it gave.
  ExitCode wait_for_end();

 private:
  Communicator& communicator_;
  std::optional<EndRun> end_;
  bool stop_ = false;
  bool told_of_signal_ = false;
};

}  // namespace edgesweep
