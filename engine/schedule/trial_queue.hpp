#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "engine/schedule/cost_model.hpp"
#include "engine/schedule/ordering.hpp"

namespace edgesweep {

/// Trials that wait for a worker. Taking one, and the work that waits, cost O(batch sizes), however many trials wait:
/// what is learnt about a batch size moves its trials past those of others, but never past each other.
class TrialQueue {
 public:
  /// `sizes` and `costs` must outlive the queue.
  TrialQueue(std::span<const TrialSize> sizes, const CostModel& costs);

  void push(std::int64_t trial);

  /// Takes the longest of the trials that `allowed` admits; empty if there is none.
  std::optional<std::int64_t> pop(const std::function<bool(std::int64_t)>& allowed);

  bool empty() const { return count_ == 0; }
  std::int64_t size() const { return count_; }

  /// Expected seconds of all that waits, on one worker.
  double seconds() const;

 private:
  struct Lane {
    std::set<std::pair<std::int64_t, std::int64_t>> waiting;  ///< (−steps, trial)
    std::int64_t steps = 0;
    std::int64_t records = 0;
  };
  const TrialSize& size_of(std::int64_t trial) const { return sizes_[static_cast<std::size_t>(trial)]; }
  double seconds_of(std::int64_t trial) const;

  std::span<const TrialSize> sizes_;
  const CostModel& costs_;
  std::map<std::int64_t, Lane> lanes_;  ///< by batch size
  std::int64_t count_ = 0;
};

}  // namespace edgesweep
