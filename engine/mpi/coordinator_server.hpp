#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/mpi/communicator.hpp"
#include "engine/schedule/coordinator.hpp"

namespace edgesweep {

/// Rank 0's side of a run with workers on ranks 1, 2, …, teams of such ranks, or several places for a trial on each: gives them the sweep, carries messages between
/// the workers (of a team, its leader) and the coordinator while it sleeps most of the time, and ends them.
class CoordinatorServer {
 public:
  /// With `places` trials at a time on each rank. `communicator` must outlive the server.
  explicit CoordinatorServer(Communicator& communicator, int places = 1);

  /// Numbers of the workers: ranks, of teams their leaders'; or 1, 2, … for the places of rank 1, then those of rank 2, … After send_sweep().
  std::set<int> workers() const;

  /// Sends the sweep's canonical text to all ranks.
  void send_sweep(const Sweep& sweep);

  /// Waits until every rank that trains has set itself up. Throws InputError or SystemError, as the worker had, if one is unfit.
  void await_workers();

  /// Runs the coordinator until it is finished, or every trial has come back after a stop signal. `each_turn` is called
  /// with the time every few milliseconds, before each commit. What is staged at the end is the caller's to commit.
  void serve(Coordinator& coordinator, const std::function<void(double)>& each_turn);

  /// Ends all ranks with this exit code. Call it exactly once, last, whatever happened before.
  void end(ExitCode code);

 private:
  void send_all(const CoordinatorMessage& message);
  int worker_of(const Parcel& parcel) const { return (parcel.from - 1) * places_ + parcel.place + 1; }

  Communicator& communicator_;
  int places_;
  std::int64_t ranks_per_trial_ = 1;
  std::vector<Parcel> early_;  ///< what workers said before the coordinator was there
};

}  // namespace edgesweep
