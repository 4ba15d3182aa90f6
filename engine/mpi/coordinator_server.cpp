#include "engine/mpi/coordinator_server.hpp"

#include <optional>
#include <utility>
#include <variant>

#include "engine/base/clock.hpp"
#include "engine/base/log.hpp"
#include "engine/base/signals.hpp"
#include "engine/mpi/messages.hpp"
#include "engine/schedule/commit_pace.hpp"
#include "engine/schedule/team_places.hpp"

namespace edgesweep {
namespace {

/// Messages taken in before the coordinator gets its turn again: keeps commits on time under a flood of records.
constexpr int kMessagesPerTurn = 1000;

/// Longest pause between two looks for messages, and so the longest that a worker waits for a sleeping coordinator.
constexpr double kLongestPause = 1.5e-3;

}  // namespace

CoordinatorServer::CoordinatorServer(Communicator& communicator, int places) : communicator_(communicator), places_(places) {}

std::set<int> CoordinatorServer::workers() const {
  if (places_ == 1) {
    return team_leaders(communicator_.size(), ranks_per_trial_);
  }
  std::set<int> workers;
  for (int worker = 1; worker <= (communicator_.size() - 1) * places_; ++worker) {
    workers.insert(worker);
  }
  return workers;
}

void CoordinatorServer::send_all(const CoordinatorMessage& message) {
  for (int rank = 1; rank < communicator_.size(); ++rank) {
    communicator_.send(rank, pack(message));
  }
}

void CoordinatorServer::send_sweep(const Sweep& sweep) {
  ranks_per_trial_ = sweep.ranks_per_trial;
  send_all(SweepText{sweep.text});
}

void CoordinatorServer::await_workers() {
  std::set<int> missing;  // workers, and the other members of teams
  std::size_t ranks_left_over = 0;
  for (int rank = 1; rank < communicator_.size(); ++rank) {
    if (leader_of(rank, communicator_.size(), ranks_per_trial_) == 0) {
      ++ranks_left_over;
      continue;
    }
    for (int place = 0; place < places_; ++place) {
      missing.insert(worker_of({rank, place, {}}));
    }
  }
  if (ranks_left_over > 0) {
    log_warning(std::to_string(ranks_left_over) + " of the ranks train nothing: a team takes " + std::to_string(ranks_per_trial_));
  }
  std::optional<std::pair<int, WorkerUnfit>> unfit;
  Backoff backoff;
  while (!missing.empty()) {
    std::optional<Parcel> parcel = communicator_.try_receive();
    if (!parcel) {
      backoff.wait();
      continue;
    }
    const WorkerMessage message = unpack_worker_message(parcel->content);
    const auto* complaint = std::get_if<WorkerUnfit>(&message);
    if (complaint != nullptr && !unfit) {
      unfit = {parcel->from, *complaint};
    }
    missing.erase(worker_of(*parcel));
    if (workers().contains(worker_of(*parcel))) {
      early_.push_back(std::move(*parcel));
    }
  }
  if (unfit && unfit->second.bad_input) {
    throw InputError(unfit->second.subject, unfit->second.reason);
  }
  if (unfit) {
    throw SystemError("rank " + std::to_string(unfit->first), unfit->second.subject + ": " + unfit->second.reason);
  }
}

void CoordinatorServer::serve(Coordinator& coordinator, const std::function<void(double)>& each_turn) {
  for (const Parcel& parcel : early_) {
    coordinator.on_message(worker_of(parcel), unpack_worker_message(parcel.content));
  }
  early_.clear();
  bool stop_sent = false;
  CommitPace pace;
  Backoff backoff(kLongestPause);
  while (true) {
    int taken = 0;
    for (; taken < kMessagesPerTurn; ++taken) {
      const std::optional<Parcel> parcel = communicator_.try_receive();
      if (!parcel) {
        break;
      }
      coordinator.on_message(worker_of(*parcel), unpack_worker_message(parcel->content));
    }
    if (stop_signal() != 0) {
      coordinator.request_stop();
    }
    if (coordinator.stopping() && !stop_sent) {
      stop_sent = true;
      send_all(StopTrials{});
    }
    for (const Dispatch& dispatch : coordinator.dispatch()) {
      communicator_.send((dispatch.worker - 1) / places_ + 1, pack(dispatch.assignment), (dispatch.worker - 1) % places_);
    }
    const double now = monotonic_seconds();
    each_turn(now);  // throws if the store is no longer ours, before anything is committed
    const bool at_once = coordinator.stopping() || coordinator.finished();
    if (at_once || pace.due(now, taken == 0)) {
      coordinator.tick(now);
      pace.note(now, monotonic_seconds());
    }
    if (coordinator.finished()) {
      break;
    }
    if (taken > 0) {
      backoff.reset();
    }
    if (taken < kMessagesPerTurn) {  // else there are more
      backoff.wait();
    }
  }
}

void CoordinatorServer::end(ExitCode code) {
  send_all(EndRun{code});
  communicator_.flush();
}

}  // namespace edgesweep
