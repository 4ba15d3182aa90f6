#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/mpi/communicator.hpp"
#include "engine/schedule/coordinator.hpp"

namespace edgesweep {

/// Rank 0's side of a run with workers on ranks 1, 2, …: gives them the sweep, carries messages between them and the
/// coordinator while it sleeps most of the time, and ends them.
class CoordinatorServer {
 public:
  /// `communicator` must outlive the server.
  explicit CoordinatorServer(Communicator& communicator);

  /// Ranks of the workers.
  std::set<int> workers() const;

  /// Sends the sweep's canonical text to all workers.
  void send_sweep(const std::string& text);

  /// Waits until every worker has set itself up. Throws InputError or SystemError, as the worker had, if one is unfit.
  void await_workers();

  /// Runs the coordinator until it is finished, or every trial has come back after a stop signal. `each_turn` is called
  /// with the time every few milliseconds, before each commit. What is staged at the end is the caller's to commit.
  void serve(Coordinator& coordinator, const std::function<void(double)>& each_turn);

  /// Ends all workers with this exit code. Call it exactly once, last, whatever happened before.
  void end(ExitCode code);

 private:
  void send_all(const CoordinatorMessage& message);

  Communicator& communicator_;
  std::vector<Parcel> early_;  ///< what workers said before the coordinator was there
};

}  // namespace edgesweep
