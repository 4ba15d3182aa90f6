#include <cmath>
#include <string>

#include "engine/base/error.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/raw_file.hpp"

namespace edgesweep {
namespace {

/// The trial's place on the axes, for a message.
std::string place_of(const StoreLayout& layout, std::int64_t slot) {
  const auto seeds = static_cast<std::int64_t>(layout.seeds.size());
  const std::int64_t cell = slot / seeds;
  return "trial b" + std::to_string(layout.batches[static_cast<std::size_t>(cell / layout.points)]) + "-p" +
         std::to_string(cell % layout.points) + "-s" + std::to_string(layout.seeds[static_cast<std::size_t>(slot % seeds)]);
}

}  // namespace

TrialState read_state(const std::string& path, const RawFile& file, const StoreLayout& layout, std::int64_t slot) {
  // Status before count: the writer goes the other way, so that a trial seen as done is seen with all its records.
  const auto status = file.read_value<std::uint8_t>(layout.status_at(slot));
  const TrialState state{.status = static_cast<TrialStatus>(status),
                         .records = file.read_value<std::int64_t>(StoreLayout::wide_at(layout.records, slot)),
                         .attempts = file.read_value<std::int64_t>(StoreLayout::wide_at(layout.attempts, slot)),
                         .steps = file.read_value<std::int64_t>(StoreLayout::wide_at(layout.steps, slot)),
                         .wall_seconds = file.read_value<double>(StoreLayout::wide_at(layout.wall_seconds, slot))};
  const auto damaged = [&](const std::string& what) {
    throw InputError(path, "is damaged: " + place_of(layout, slot) + " has " + what);
  };
  const auto absent = static_cast<std::uint8_t>(TrialStatus::absent);
  const bool is_cell = !std::isnan(layout.eta[static_cast<std::size_t>(slot) / layout.seeds.size()]);
  const bool may_be_absent = !is_cell || !layout.shard.empty();
  if (status > absent || (status == absent ? !may_be_absent : !is_cell)) damaged("status " + std::to_string(status));
  if (state.records < 0 || state.records > layout.max_records) damaged(std::to_string(state.records) + " records");
  if (state.attempts < 0) damaged(std::to_string(state.attempts) + " attempts");
  if (state.steps < 0) damaged(std::to_string(state.steps) + " steps");
  if (!std::isfinite(state.wall_seconds) || state.wall_seconds < 0)
    damaged(std::to_string(state.wall_seconds) + " wall_seconds");
  return state;
}

}  // namespace edgesweep
