#include "engine/schedule/trial_queue.hpp"

namespace edgesweep {

TrialQueue::TrialQueue(std::span<const TrialSize> sizes, const CostModel& costs) : sizes_(sizes), costs_(costs) {}

double TrialQueue::seconds_of(std::int64_t trial) const {
  const TrialSize& size = size_of(trial);
  return costs_.seconds(size.batch, size.steps, size.records);
}

void TrialQueue::push(std::int64_t trial) {
  const TrialSize& size = size_of(trial);
  Lane& lane = lanes_[size.batch];
  lane.waiting.emplace(-size.steps, trial);
  lane.steps += size.steps;
  lane.records += size.records;
  ++count_;
}

std::optional<std::int64_t> TrialQueue::pop(const std::function<bool(std::int64_t)>& allowed) {
  std::optional<std::int64_t> longest;
  double longest_seconds = 0;
  for (const auto& [batch, lane] : lanes_) {
    for (const auto& [steps, trial] : lane.waiting) {
      if (allowed(trial)) {
        const double seconds = seconds_of(trial);
        if (!longest || seconds > longest_seconds) {
          longest = trial;
          longest_seconds = seconds;
        }
        break;
      }
    }
  }
  if (longest) {
    const TrialSize& size = size_of(*longest);
    Lane& lane = lanes_.at(size.batch);
    lane.waiting.erase({-size.steps, *longest});
    lane.steps -= size.steps;
    lane.records -= size.records;
    --count_;
  }
  return longest;
}

double TrialQueue::seconds() const {
  double total = 0;
  for (const auto& [batch, lane] : lanes_) {
    total += costs_.seconds(batch, lane.steps, lane.records);
  }
  return total;
}

}  // namespace edgesweep
