#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/mpi/worker_transport.hpp"

namespace edgesweep {

/// A worker that trains several trials at a time: each place is a transport for a thread of its own, and to the coordinator a worker
/// of its own. The calling thread carries their messages; it alone uses MPI.
class WorkerPlaces {
 public:
  using Train = std::function<void(int place, Transport& transport)>;

  /// `transport` must outlive the places.
  WorkerPlaces(WorkerTransport& transport, int count);

  /// Calls `train` for each place in its thread, and returns when all have returned; no thread ends before the others are done. What one of
  /// them throws ends all: their calls to the coordinator throw, and then it is thrown here.
  void run(const Train& train);

 private:
  class Place;
  struct Sent {
    int place = 0;
    WorkerMessage message;
  };

  /// Most messages of a worker that wait for the thread that carries them.
  static constexpr std::size_t kMaxWaiting = 64;

  void work(int place, const Train& train);
  void carry();
  /// One turn: sends what waits, takes in one message. True if there was something to do.
  bool turn(std::vector<Sent> sent);
  void fail(std::exception_ptr failure);
  void require_carried() const;

  WorkerTransport& transport_;
  std::vector<std::optional<Assignment>> given_;  ///< by place
  std::mutex mutex_;                              ///< of all here
  std::condition_variable to_places_;
  std::condition_variable to_carrier_;
  std::vector<Sent> waiting_;
  int working_ = 0;
  bool ended_ = false;
  bool told_of_signal_ = false;
  bool stop_ = false;
  std::exception_ptr failure_;
};

}  // namespace edgesweep
