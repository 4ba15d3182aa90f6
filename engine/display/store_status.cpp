#include "engine/display/store_status.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/clock.hpp"
#include "engine/display/progress_file.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/store/events.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store_lock.hpp"
#include "engine/store/store_reader.hpp"
#include "engine/store/stored_sweep.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t kIncidents = 5;

std::string name_of(TrialStatus status) { return std::string(kTrialStatusNames[static_cast<std::size_t>(status)]); }

Json no_counts() {
  Json counts = Json::object();
  for (const TrialStatus status : {TrialStatus::pending, TrialStatus::running, TrialStatus::done,
                                   TrialStatus::diverged, TrialStatus::failed}) {
    counts[name_of(status)] = 0;
  }
  return counts;
}

void count_one(Json& counts, TrialStatus status) {
  Json& count = counts[name_of(status)];
  count = count.get<std::int64_t>() + 1;
}

/// Trial of an event, if it has one of the sweep.
std::optional<std::int64_t> trial_of(const Json& event, const Sweep& sweep) {
  const auto found = event.find("trial");
  if (found == event.end() || !found->is_number_integer()) {
    return std::nullopt;
  }
  const auto trial = found->get<std::int64_t>();
  return trial >= 0 && trial < sweep.trial_count() ? std::optional(trial) : std::nullopt;
}

std::string text_of(const Json& event, const char* key) {
  const auto found = event.find(key);
  return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

Json place_json(const Sweep& sweep, std::int64_t index) {
  const Trial trial = trial_place(sweep, index);
  return {{"trial", index},
          {"batch", trial.cell.batch},
          {"point", trial.cell.point},
          {"eta", trial.cell.eta},
          {"seed", trial.seed}};
}

/// The last events that a person may want to know of: failed attempts, stops, resumptions.
Json incidents(const std::vector<Json>& events, const Sweep& sweep) {
  Json recent = Json::array();
  for (std::size_t i = events.size() - std::min(events.size(), kIncidents); i < events.size(); ++i) {
    Json incident = {{"time", text_of(events[i], "time")},
                     {"event", text_of(events[i], "event")},
                     {"reason", text_of(events[i], "reason")}};
    if (const auto trial = trial_of(events[i], sweep)) {
      incident.update(place_json(sweep, *trial));
    }
    if (const auto rank = events[i].find("rank"); rank != events[i].end() && rank->is_number_integer()) {
      incident["rank"] = *rank;
    }
    recent.push_back(std::move(incident));
  }
  return recent;
}

/// The last reason why each trial failed, by trial.
std::map<std::int64_t, std::string> failure_reasons(const std::vector<Json>& events, const Sweep& sweep) {
  std::map<std::int64_t, std::string> reasons;
  for (const Json& event : events) {
    if (const auto trial = trial_of(event, sweep); trial && text_of(event, "event") == "failed") {
      reasons[*trial] = text_of(event, "reason");
    }
  }
  return reasons;
}

/// What the store says of its trials.
struct Tally {
  Json counts = no_counts();
  Json cells = Json::array();
  std::vector<std::pair<std::int64_t, std::int64_t>> failed;  ///< trials and their attempts
  std::int64_t trials = 0;
  std::int64_t records = 0;
  std::int64_t records_total = 0;
  double wall_seconds = 0;
};

Tally tally(const StoreReader& store, const Sweep& sweep) {
  Tally all;
  std::int64_t trial = 0;
  std::map<std::int64_t, std::int64_t> planned;  // records by steps: the same for many cells
  for (const Cell& cell : sweep.cells) {
    if (!planned.contains(cell.steps)) {
      planned[cell.steps] = static_cast<std::int64_t>(record_steps(sweep.records, cell.steps).size());
    }
    Json counts = no_counts();
    std::int64_t records = 0;
    std::int64_t total = 0;
    for (std::size_t seed = 0; seed < sweep.seeds.size(); ++seed, ++trial) {
      const TrialState state = store.state(cell.batch_index, cell.point, static_cast<std::int64_t>(seed));
      if (state.status == TrialStatus::absent) {
        continue;  // another shard's
      }
      ++all.trials;
      count_one(counts, state.status);
      count_one(all.counts, state.status);
      records += state.records;
      // One that has ended takes no more: it diverged, or a stop rule held.
      const bool ended = state.status == TrialStatus::done || state.status == TrialStatus::diverged;
      total += ended ? state.records : planned[cell.steps];
      all.wall_seconds += state.wall_seconds;
      if (state.status == TrialStatus::failed) {
        all.failed.emplace_back(trial, state.attempts);
      }
    }
    all.records += records;
    all.records_total += total;
    all.cells.push_back({{"batch", cell.batch},
                         {"point", cell.point},
                         {"eta", cell.eta},
                         {"counts", std::move(counts)},
                         {"records", records},
                         {"records_total", total}});
  }
  return all;
}

std::string state_name(const Json& counts, bool owned) {
  const auto count = [&](const char* status) { return counts.at(status).get<std::int64_t>(); };
  if (owned) {
    return "running";
  }
  if (count("pending") + count("running") > 0) {
    return "incomplete";
  }
  return count("failed") > 0 ? "failed" : "done";
}

}  // namespace

Json store_status(const std::string& path, const Catalog& catalog) {
  const StorePaths paths{path};
  // The owner comes first: of a store that has none by then, what is read next is final.
  const std::optional<LockOwner> owner = lock_owner(paths.lock());
  const StoreReader store(path);
  const Sweep sweep = parse_stored_sweep(store, catalog);
  Tally all = tally(store, sweep);
  const std::vector<Json> events = read_events(paths.events(), {"failed", "stopped", "reopened"});
  const auto reasons = failure_reasons(events, sweep);
  Json failures = Json::array();
  for (const auto& [trial, attempts] : all.failed) {
    Json failure = place_json(sweep, trial);
    const auto reason = reasons.find(trial);
    failure["attempts"] = attempts;
    failure["reason"] = reason == reasons.end() ? "not in the event log" : reason->second;
    failures.push_back(std::move(failure));
  }
  // Without an owner the file is what a killed run left.
  Json run = owner ? read_progress(paths.progress()) : Json();
  Json workers = Json::array();
  const double now = unix_seconds();
  if (run.is_object()) {
    workers = std::move(run["workers"]);
    run.erase("workers");
    run["age_seconds"] = std::max(0.0, now - read_utc_timestamp(run["time"]).value_or(now));
  }
  return {{"store", path},
          {"name", sweep.name},
          {"time", utc_timestamp(now)},
          {"state", state_name(all.counts, owner.has_value())},
          {"owned", owner.has_value()},
          {"owner", owner ? Json{{"host", owner->host}, {"pid", owner->pid}, {"since", owner->created}} : Json()},
          {"run", std::move(run)},
          {"workers", std::move(workers)},
          {"shard", store.shard()},
          {"trials", all.trials},
          {"counts", std::move(all.counts)},
          {"records", {{"done", all.records}, {"total", all.records_total}}},
          {"wall_seconds", all.wall_seconds},
          {"cells", std::move(all.cells)},
          {"failures", std::move(failures)},
          {"incidents", incidents(events, sweep)}};
}

}  // namespace edgesweep
