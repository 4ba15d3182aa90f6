#include "engine/cli/store_status.hpp"

#include <map>
#include <string>

#include "engine/cli/stored_sweep.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/store/events.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store_lock.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {
namespace {

Json no_counts() {
  Json counts = Json::object();
  for (const TrialStatus status : {TrialStatus::pending, TrialStatus::running, TrialStatus::done,
                                   TrialStatus::diverged, TrialStatus::failed}) {
    counts[std::string(kTrialStatusNames[static_cast<std::size_t>(status)])] = 0;
  }
  return counts;
}

void count_one(Json& counts, TrialStatus status) {
  Json& count = counts[std::string(kTrialStatusNames[static_cast<std::size_t>(status)])];
  count = count.get<std::int64_t>() + 1;
}

/// The last reason why each trial failed, by trial.
std::map<std::int64_t, std::string> failure_reasons(const std::string& events) {
  std::map<std::int64_t, std::string> reasons;
  for (const Json& event : read_events(events)) {
    const Json name = event.value("event", Json());
    const Json trial = event.value("trial", Json());
    const Json reason = event.value("reason", Json());
    if (name == "failed" && trial.is_number_integer()) {
      reasons[trial.get<std::int64_t>()] = reason.is_string() ? reason.get<std::string>() : "";
    }
  }
  return reasons;
}

}  // namespace

Json store_status(const std::string& path, const Catalog& catalog) {
  const StoreReader store(path);
  const Sweep sweep = parse_stored_sweep(store, catalog);
  const StorePaths paths{path};
  const auto reasons = failure_reasons(paths.events());
  Json counts = no_counts();
  Json cells = Json::array();
  Json failures = Json::array();
  std::int64_t records = 0;
  std::int64_t records_total = 0;
  std::int64_t trial = 0;
  std::int64_t absent = 0;  // trials of other shards
  for (const Cell& cell : sweep.cells) {
    const auto planned = static_cast<std::int64_t>(record_steps(sweep.records, cell.steps).size());
    Json here = {{"batch", cell.batch}, {"point", cell.point}, {"eta", cell.eta}, {"counts", no_counts()}};
    std::int64_t records_here = 0;
    for (std::size_t seed = 0; seed < sweep.seeds.size(); ++seed, ++trial) {
      const TrialState state = store.state(cell.batch_index, cell.point, static_cast<std::int64_t>(seed));
      if (state.status == TrialStatus::absent) {
        ++absent;
        continue;
      }
      count_one(counts, state.status);
      count_one(here["counts"], state.status);
      records_here += state.records;
      records_total += state.status == TrialStatus::diverged ? state.records : planned;
      if (state.status == TrialStatus::failed) {
        const auto reason = reasons.find(trial);
        failures.push_back({{"trial", trial},
                            {"batch", cell.batch},
                            {"point", cell.point},
                            {"eta", cell.eta},
                            {"seed", sweep.seeds[seed]},
                            {"attempts", state.attempts},
                            {"reason", reason == reasons.end() ? "not in the event log" : reason->second}});
      }
    }
    here["records"] = records_here;
    records += records_here;
    cells.push_back(std::move(here));
  }
  return {{"store", path},
          {"name", sweep.name},
          {"owned", is_owned(paths.lock())},
          {"shard", store.shard()},
          {"trials", trial - absent},
          {"counts", counts},
          {"records", {{"done", records}, {"total", records_total}}},
          {"cells", cells},
          {"failures", failures}};
}

}  // namespace edgesweep
