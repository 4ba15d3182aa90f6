#include "engine/schedule/shard.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

/// A positive decimal number and nothing else; 0 if it is none.
std::int64_t positive(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 0;
}

/// Predicted seconds of every trial.
std::vector<double> predicted_seconds(const Sweep& sweep, const Catalog& catalog) {
  std::map<std::int64_t, PredictedCost> costs;
  std::vector<double> seconds;
  for (const Cell& cell : sweep.cells) {
    const auto [cost, fresh] = costs.try_emplace(cell.batch);
    if (fresh) cost->second = catalog.predicted_cost(sweep.experiment, sweep.measure, cell.batch);
    const auto records = std::min(sweep.records.count, cell.steps + 1);
    const double of_trial = cost->second.seconds_per_step * static_cast<double>(cell.steps) +
                            cost->second.seconds_per_record * static_cast<double>(records);
    seconds.insert(seconds.end(), sweep.seeds.size(), of_trial);
  }
  return seconds;
}

}  // namespace

std::string Shard::text() const { return std::to_string(index) + "/" + std::to_string(count); }

Shard parse_shard(const std::string& text) {
  const auto slash = text.find('/');
  if (slash != std::string::npos) {
    const Shard shard{positive(std::string_view(text).substr(0, slash)), positive(std::string_view(text).substr(slash + 1))};
    if (shard.index > 0 && shard.index <= shard.count) return shard;
  }
  throw InputError("--shard", "is \"" + text + "\"; must be I/N with 1 <= I <= N, as in 2/4");
}

std::vector<bool> trials_of_shard(const Sweep& sweep, const Catalog& catalog, const Shard& shard) {
  const std::vector<double> seconds = predicted_seconds(sweep, catalog);
  std::vector<std::size_t> order(seconds.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return seconds[a] > seconds[b]; });
  using Load = std::pair<double, std::int64_t>;  // seconds so far, index of the shard
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  // More shards than trials leave the last ones empty.
  const auto used = std::min(shard.count, static_cast<std::int64_t>(seconds.size()));
  for (std::int64_t index = 1; index <= used; ++index) loads.emplace(0.0, index);
  std::vector<bool> mine(seconds.size(), false);
  for (const std::size_t trial : order) {
    auto [load, index] = loads.top();
    loads.pop();
    mine[trial] = index == shard.index;
    loads.emplace(load + seconds[trial], index);
  }
  return mine;
}

}  // namespace edgesweep
