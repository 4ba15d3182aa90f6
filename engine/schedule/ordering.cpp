#include "engine/schedule/ordering.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

namespace edgesweep {

std::vector<TrialSize> trial_sizes(const Sweep& sweep) {
  std::vector<TrialSize> sizes;
  sizes.reserve(static_cast<std::size_t>(sweep.trial_count()));
  for (const Cell& cell : sweep.cells) {
    const auto records = static_cast<std::int64_t>(record_steps(sweep.records, cell.steps).size());
    sizes.insert(sizes.end(), sweep.seeds.size(), TrialSize{cell.batch, cell.steps, records});
  }
  return sizes;
}

std::vector<double> trial_seconds(std::span<const TrialSize> sizes, const CostModel& costs) {
  std::vector<double> seconds;
  seconds.reserve(sizes.size());
  for (const TrialSize& size : sizes) {
    seconds.push_back(costs.seconds(size.batch, size.steps, size.records));
  }
  return seconds;
}

std::vector<std::int64_t> longest_first(std::span<const double> seconds) {
  std::vector<std::int64_t> order(seconds.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return seconds[static_cast<std::size_t>(a)] > seconds[static_cast<std::size_t>(b)];
  });
  return order;
}

Makespan list_schedule(std::span<const double> seconds, int workers) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int worker = 0; worker < workers; ++worker) {
    free_at.push(0);
  }
  Makespan result;
  for (const std::int64_t trial : longest_first(seconds)) {
    const double end = free_at.top() + seconds[static_cast<std::size_t>(trial)];
    free_at.pop();
    free_at.push(end);
    result.seconds = std::max(result.seconds, end);
    result.work_seconds += seconds[static_cast<std::size_t>(trial)];
  }
  if (result.seconds > 0) {
    result.efficiency = result.work_seconds / (workers * result.seconds);
  }
  return result;
}

}  // namespace edgesweep
