#include "engine/schedule/extend.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/schedule/trial_copy.hpp"
#include "engine/store/store.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {
namespace {

/// Whether records taken under the old sweep are what the new one would take of the same trial.
bool records_fit(const Sweep& old_sweep, const Sweep& new_sweep) {
  const bool columns_there = std::ranges::all_of(new_sweep.columns, [&](const Column& column) {
    return std::ranges::find(old_sweep.columns, column) != old_sweep.columns.end();
  });
  const auto measured_alike = [&] {
    for (const auto& [name, settings] : new_sweep.measure.items()) {
      if (!old_sweep.measure.contains(name) || old_sweep.measure.at(name) != settings) return false;
    }
    return true;
  };
  const bool parameters_there =
      new_sweep.keep_parameters == KeepParameters::none || new_sweep.keep_parameters == old_sweep.keep_parameters;
  const bool ended_alike =
      new_sweep.loss_above == old_sweep.loss_above && new_sweep.stop_loss_below == old_sweep.stop_loss_below;
  return columns_there && measured_alike() && parameters_there && ended_alike;
}

bool is_finished(TrialStatus status) { return status == TrialStatus::done || status == TrialStatus::diverged; }

}  // namespace

ExtendReport extend_store(const Sweep& old_sweep, const std::string& old_store, const Sweep& new_sweep,
                          const std::string& out, const std::string& created) {
  const StoreReader reader(old_store);
  std::map<std::string, std::int64_t> old_trials;  // by key
  if (records_fit(old_sweep, new_sweep)) {
    for (std::int64_t index = 0; index < old_sweep.trial_count(); ++index) {
      old_trials.emplace(make_trial(old_sweep, index).key, index);
    }
  }
  // A checkpoint holds records and the measurements' states: it fits only if nothing else is measured.
  const bool checkpoints_fit = old_sweep.measure == new_sweep.measure;
  const TemporaryName partial(out + ".extending");
  Store store = Store::create(partial.path(), new_sweep, created, {.data_identity = reader.data_identity()});
  TrialWriter writer(store);
  ExtendReport report;
  report.trials = new_sweep.trial_count();
  for (std::int64_t index = 0; index < report.trials; ++index) {
    const Trial trial = make_trial(new_sweep, index);
    const auto found = old_trials.find(trial.key);
    if (found == old_trials.end()) continue;
    const Trial before = make_trial(old_sweep, found->second);
    if (before.record_steps != trial.record_steps) continue;
    const TrialCopy copy = read_trial(reader, before, new_sweep.columns);
    if (is_finished(copy.state.status)) {
      writer.write(index, copy);
      copy_parameters({old_sweep, before, old_store}, {new_sweep, trial, out});
      ++report.kept;
    } else if (checkpoints_fit && copy.state.status != TrialStatus::absent) {
      writer.write(index, copy);
      copy_parameters({old_sweep, before, old_store}, {new_sweep, trial, out});
      report.continued += copy_checkpoint({old_sweep, before, old_store}, {new_sweep, trial, out}) ? 1 : 0;
    }
  }
  for (std::int64_t index = 0; index < old_sweep.trial_count(); ++index) {
    const Trial place = trial_place(old_sweep, index);
    if (is_finished(reader.state(place.cell.batch_index, place.cell.point, place.seed_index).status)) ++report.left;
  }
  report.left -= report.kept;
  store.close();
  // No replacement: link fails if another process has made `out` meanwhile.
  if (::link(partial.path().c_str(), out.c_str()) != 0) {
    throw InputError(out, errno == EEXIST ? "exists already" : std::strerror(errno));
  }
  sync_path(directory_of(out));
  return report;
}

}  // namespace edgesweep
