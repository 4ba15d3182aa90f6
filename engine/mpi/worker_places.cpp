#include "engine/mpi/worker_places.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/signals.hpp"

namespace edgesweep {
namespace {

using Seconds = std::chrono::duration<double>;

/// How often a place that waits for a trial looks for a stop signal.
constexpr Seconds kSignalPoll{0.02};

}  // namespace

class WorkerPlaces::Place final : public Transport {
 public:
  Place(WorkerPlaces& worker, int place) : worker_(worker), place_(place) {}

  std::optional<Assignment> next() override {
    send(WorkerReady{});
    std::unique_lock lock(worker_.mutex_);
    std::optional<Assignment>& given = worker_.given_[static_cast<std::size_t>(place_)];
    while (!given && !worker_.ended_) {
      worker_.require_carried();
      if (stop_signal() != 0 && !std::exchange(worker_.told_of_signal_, true)) {
        worker_.waiting_.push_back({place_, StopAsked{}});
        worker_.to_carrier_.notify_one();
      }
      worker_.to_places_.wait_for(lock, kSignalPoll);
    }
    return std::exchange(given, std::nullopt);
  }

  void send(const WorkerMessage& message) override {
    std::unique_lock lock(worker_.mutex_);
    worker_.to_places_.wait(lock, [&] { return worker_.waiting_.size() < kMaxWaiting || worker_.failure_; });
    worker_.require_carried();
    worker_.waiting_.push_back({place_, message});
    worker_.to_carrier_.notify_one();
  }

  bool stop_requested() override {
    const std::lock_guard lock(worker_.mutex_);
    worker_.require_carried();
    return worker_.stop_;
  }

 private:
  WorkerPlaces& worker_;
  int place_;
};

WorkerPlaces::WorkerPlaces(WorkerTransport& transport, int count)
    : transport_(transport), given_(static_cast<std::size_t>(count)) {}

void WorkerPlaces::run(const Train& train) {
  working_ = static_cast<int>(given_.size());
  std::vector<std::jthread> threads;
  for (int place = 0; place < static_cast<int>(given_.size()); ++place) {
    threads.emplace_back([this, &train, place] { work(place, train); });
  }
  try {
    carry();
  } catch (...) {
    fail(std::current_exception());
  }
  threads.clear();
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

void WorkerPlaces::work(int place, const Train& train) {
  Place transport(*this, place);
  try {
    train(place, transport);
  } catch (...) {
    fail(std::current_exception());
  }
  std::unique_lock lock(mutex_);
  --working_;
  to_carrier_.notify_one();
  to_places_.notify_all();
  to_places_.wait(lock, [&] { return working_ == 0; });
}

void WorkerPlaces::carry() {
  const Seconds shortest(Backoff::kShortestSeconds);
  const Seconds longest(Backoff::kLongestSeconds);
  Seconds pause = shortest;
  while (true) {
    std::vector<Sent> sent;
    {
      std::unique_lock lock(mutex_);
      to_carrier_.wait_for(lock, pause, [&] { return !waiting_.empty() || working_ == 0; });
      if (failure_ || (waiting_.empty() && working_ == 0)) {
        return;
      }
      sent.swap(waiting_);
    }
    pause = turn(std::move(sent)) ? shortest : std::min(longest, 1.25 * pause);
  }
}

bool WorkerPlaces::turn(std::vector<Sent> sent) {
  for (const Sent& message : sent) {
    transport_.send(message.place, message.message);
  }
  const std::optional<PlacedAssignment> placed = transport_.poll();
  const std::lock_guard lock(mutex_);
  if (placed) {
    given_.at(static_cast<std::size_t>(placed->place)) = placed->assignment;
  }
  stop_ = transport_.stop_came();
  ended_ = transport_.ended();
  to_places_.notify_all();
  return placed || !sent.empty();
}

void WorkerPlaces::fail(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  if (!failure_) {
    failure_ = std::move(failure);
  }
  to_places_.notify_all();
  to_carrier_.notify_one();
}

void WorkerPlaces::require_carried() const {
  if (failure_) {
    throw SystemError("coordinator", "is not reached any more");
  }
}

}  // namespace edgesweep
