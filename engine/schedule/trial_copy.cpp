#include "engine/schedule/trial_copy.hpp"


#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/schedule/worker_loop.hpp"
#include "engine/store/checkpoint_file.hpp"
#include "engine/store/paths.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t kCommitRecords = 4096;

void copy_new_file(const std::string& from, const std::string& to) {
  if (!std::filesystem::exists(from) || std::filesystem::exists(to)) return;
  write_file_atomically(to, read_binary_file(from));
}

}  // namespace

// A call that was killed may have left one.
TrialCopy read_trial(const StoreReader& store, const Trial& place, const std::vector<Column>& columns) {
  const auto& [batch_index, point] = std::pair{place.cell.batch_index, place.cell.point};
  TrialCopy copy{store.state(batch_index, point, place.seed_index), {}};
  if (copy.state.status == TrialStatus::running) copy.state.status = TrialStatus::pending;  // interrupted, or soon to be
  copy.records.resize(static_cast<std::size_t>(copy.state.records));
  for (const Column& column : columns) {
    const std::vector<double> values = store.values(column.name, batch_index, point, place.seed_index);
    const auto width = static_cast<std::ptrdiff_t>(column.width);
    // A store that is being written may meanwhile have taken records back.
    if (values.size() < copy.records.size() * static_cast<std::size_t>(width)) {
      copy.records.resize(values.size() / static_cast<std::size_t>(width));
    }
    auto value = values.begin();
    for (std::vector<double>& record : copy.records) {
      record.insert(record.end(), value, value + width);
      value += width;
    }
  }
  copy.state.records = static_cast<std::int64_t>(copy.records.size());
  return copy;
}

void TrialWriter::write(std::int64_t trial_index, const TrialCopy& trial) {
  for (std::size_t i = 0; i < trial.records.size(); ++i) {
    store_.write_record(trial_index, static_cast<std::int64_t>(i), trial.records[i]);
  }
  store_.set_state(trial_index, trial.state);
  staged_ += 1 + static_cast<std::int64_t>(trial.records.size());
  if (staged_ >= kCommitRecords) {
    store_.commit();
    staged_ = 0;
  }
}

void copy_parameters(const TrialHome& from, const TrialHome& to) {
  const StorePaths source{from.store}, target{to.store};
  if (!std::filesystem::exists(source.parameter_directory())) return;
  make_directory(target.parameter_directory());
  copy_new_file(source.parameters(from.trial, std::nullopt), target.parameters(to.trial, std::nullopt));
  for (std::size_t record = 0; record < to.trial.record_steps.size(); ++record) {
    const auto index = static_cast<std::int64_t>(record);
    copy_new_file(source.parameters(from.trial, index), target.parameters(to.trial, index));
  }
}

bool copy_checkpoint(const TrialHome& from, const TrialHome& to) {
  const auto state = read_checkpoint(StorePaths{from.store}.checkpoint(from.trial), checkpoint_key(from.sweep, from.trial));
  if (!state) return false;
  const StorePaths target{to.store};
  make_directory(target.checkpoint_directory());
  write_checkpoint(target.checkpoint(to.trial), checkpoint_key(to.sweep, to.trial), *state);
  return true;
}

}  // namespace edgesweep
