#include "engine/store/store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/base/system_calls.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/raw_file.hpp"

namespace edgesweep {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

namespace {

/// Calls one function now and the other at the end, whatever happens.
class CommitCalls {
 public:
  CommitCalls(const std::function<void()>& before, const std::function<void()>& after) : after_{after} { before(); }

 private:
  struct AtEnd {
    const std::function<void()>& call;
    ~AtEnd() { call(); }
  } after_;
};

bool is_final(TrialStatus status) {
  return status == TrialStatus::done || status == TrialStatus::diverged;
}

}  // namespace

struct Store::Impl {
  Impl(const std::string& store_path, const Sweep& sweep)
      : path(store_path), file(store_path, RawFile::Access::write), layout(read_layout(store_path)) {
    if (layout.digest != sweep.digest)
      throw InputError(path, "is the store of another sweep: " + first_difference(sweep.canonical, layout.sweep));
    if (layout.columns != sweep.columns)
      throw InputError(path, "was made by edgesweep " + layout.edgesweep_version + ", which records other columns");
    if (layout.batches != sweep.batches || layout.points != sweep.points || layout.seeds != sweep.seeds)
      throw InputError(path, "is damaged: its axes are not those of its sweep");
    for (const Cell& cell : sweep.cells)
      if (layout.eta[static_cast<std::size_t>(cell.batch_index * layout.points + cell.point)] != cell.eta)
        throw InputError(path, "is damaged: its learning rates are not those of its sweep");
    for (const Column& column : layout.columns) record_width += static_cast<std::size_t>(column.width);
    for (const Cell& cell : sweep.cells)
      for (std::size_t seed = 0; seed < sweep.seeds.size(); ++seed)
        slots.push_back(layout.slot(cell.batch_index, cell.point, static_cast<std::int64_t>(seed)));
    read_states();
  }

  void read_states() {
    for (std::size_t trial = 0; trial < slots.size(); ++trial) {
      TrialState state = read_state(path, file, layout, slots[trial]);
      if (state.status == TrialStatus::running) {
        state.status = TrialStatus::pending;
        const auto index = static_cast<std::int64_t>(trial);
        dirty.insert(index);
        // The interrupted run may have written values that it did not come to commit.
        wipe_from[index] = state.records;
      }
      committed.push_back(state);
    }
    staged = committed;
  }

  std::size_t checked_index(std::int64_t trial) const {
    if (trial < 0 || trial >= static_cast<std::int64_t>(slots.size()))
      throw SystemError(path, "has no trial " + std::to_string(trial));
    return static_cast<std::size_t>(trial);
  }

  void put_status(std::int64_t trial, TrialStatus status) {
    file.write_value(layout.status_at(slots[static_cast<std::size_t>(trial)]), static_cast<std::uint8_t>(status));
  }

  void put_wide(std::uint64_t variable, std::int64_t trial, const auto& value) {
    file.write_value(StoreLayout::wide_at(variable, slots[static_cast<std::size_t>(trial)]), value);
  }

  /// Before values are touched: a cleared trial has no records, and one whose values come now is `running`, by which
  /// the next open knows that values beyond its count may be there.
  void commit_intents() {
    bool any = false;
    for (const std::int64_t trial : dirty) {
      auto& before = committed[static_cast<std::size_t>(trial)];
      const bool lowered = cleared.contains(trial) && before.records > 0;
      if (!lowered && !(rows.contains(trial) && !is_final(before.status) && before.status != TrialStatus::running))
        continue;
      put_status(trial, TrialStatus::running);
      if (lowered) put_wide(layout.records, trial, std::int64_t{0});
      any = true;
    }
    if (!any) return;
    file.sync();
    for (const std::int64_t trial : cleared) committed[static_cast<std::size_t>(trial)].records = 0;
  }

  void commit_values() {
    for (const auto& [trial, from] : wipe_from) {
      const auto slot = slots[static_cast<std::size_t>(trial)];
      for (std::size_t column = 0; column < layout.columns.size(); ++column) {
        const std::vector<double> nan(
            static_cast<std::size_t>((layout.max_records - from) * layout.columns[column].width),
            std::numeric_limits<double>::quiet_NaN());
        file.write_at(layout.value_at(column, slot, from), std::as_bytes(std::span(nan)));
      }
    }
    for (const auto& [trial, records] : rows)
      for (auto run = records.begin(); run != records.end();) run = write_run(trial, run, records.end());
    if (!wipe_from.empty() || !rows.empty()) file.sync();
  }

  using Rows = std::map<std::int64_t, std::vector<double>>;

  /// Writes the longest run of successive records from `first` on, one write a column; returns where it ends.
  Rows::const_iterator write_run(std::int64_t trial, Rows::const_iterator first, Rows::const_iterator end) {
    auto last = first;
    for (std::int64_t next = first->first; last != end && last->first == next; ++next) ++last;
    std::size_t position = 0;
    std::vector<double> values;
    for (std::size_t column = 0; column < layout.columns.size(); ++column) {
      const auto width = static_cast<std::size_t>(layout.columns[column].width);
      values.clear();
      for (auto row = first; row != last; ++row) {
        const auto begin = row->second.begin() + static_cast<std::ptrdiff_t>(position);
        values.insert(values.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
      }
      file.write_at(layout.value_at(column, slots[static_cast<std::size_t>(trial)], first->first),
                    std::as_bytes(std::span(values)));
      position += width;
    }
    return last;
  }

  /// Statuses go last, so that a trial that is done has all of its records whatever happens.
  void commit_states() {
    for (const std::int64_t trial : dirty) {
      const TrialState& state = staged[static_cast<std::size_t>(trial)];
      put_wide(layout.records, trial, state.records);
      put_wide(layout.attempts, trial, state.attempts);
      put_wide(layout.steps, trial, state.steps);
      put_wide(layout.wall_seconds, trial, state.wall_seconds);
    }
    file.sync();
    for (const std::int64_t trial : dirty) put_status(trial, staged[static_cast<std::size_t>(trial)].status);
    file.sync();
  }

  std::string path;
  RawFile file;
  StoreLayout layout;
  std::size_t record_width = 0;
  std::vector<std::int64_t> slots;  ///< by trial

  std::vector<TrialState> committed;  ///< by trial
  std::vector<TrialState> staged;     ///< by trial
  std::set<std::int64_t> dirty;       ///< trials that differ
  std::set<std::int64_t> cleared;
  std::map<std::int64_t, std::int64_t> wipe_from;  ///< trial → first record whose values become NaN
  std::map<std::int64_t, Rows> rows;
  std::function<void()> before_commit = [] {};
  std::function<void()> after_commit = [] {};
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Store::~Store() {
  if (impl_ && !impl_->rows.empty()) log_warning(impl_->path + ": closed without a commit of its last records");
}

Store Store::create(const std::string& path, const Sweep& sweep, const std::string& created, const StorePart& part) {
  struct stat there {};  // lstat: a link to nothing is not to be replaced either
  if (lstat(path.c_str(), &there) == 0) throw InputError(path, "exists already");
  require_writable_directory(path);
  const std::string partial = path + ".partial";
  try {
    write_empty_store(partial, sweep, created, part);
    if (!calls::rename(partial, path))
      throw SystemError(path, std::string("renaming it into place failed: ") + std::strerror(errno));
  } catch (...) {
    unlink(partial.c_str());
    throw;
  }
  sync_path(directory_of(path));
  return open(path, sweep);
}

Store Store::open(const std::string& path, const Sweep& sweep) {
  return Store(std::make_unique<Impl>(path, sweep));
}

const std::string& Store::path() const { return impl_->path; }

const std::string& Store::shard() const { return impl_->layout.shard; }

const std::string& Store::data_identity() const { return impl_->layout.data_identity; }

const TrialState& Store::state(std::int64_t trial_index) const {
  return impl_->committed[impl_->checked_index(trial_index)];
}

void Store::write_record(std::int64_t trial_index, std::int64_t index, std::span<const double> values) {
  TrialState& state = impl_->staged[impl_->checked_index(trial_index)];
  const std::string subject = impl_->path + ": trial " + std::to_string(trial_index);
  if (index < 0 || index > state.records || index >= impl_->layout.max_records)
    throw SystemError(subject, "record " + std::to_string(index) + " came after " + std::to_string(state.records) +
                                   " of at most " + std::to_string(impl_->layout.max_records) + " records");
  if (values.size() != impl_->record_width)
    throw SystemError(subject, "record " + std::to_string(index) + " has " + std::to_string(values.size()) +
                                   " values; the columns take " + std::to_string(impl_->record_width));
  impl_->rows[trial_index][index].assign(values.begin(), values.end());
  state.records = std::max(state.records, index + 1);
  impl_->dirty.insert(trial_index);
}

void Store::set_state(std::int64_t trial_index, const TrialState& state) {
  TrialState& mine = impl_->staged[impl_->checked_index(trial_index)];
  const std::int64_t records = mine.records;
  mine = state;
  mine.records = records;
  impl_->dirty.insert(trial_index);
}

void Store::clear_records(std::int64_t trial_index) {
  impl_->staged[impl_->checked_index(trial_index)].records = 0;
  impl_->rows.erase(trial_index);
  impl_->cleared.insert(trial_index);
  impl_->wipe_from[trial_index] = 0;
  impl_->dirty.insert(trial_index);
}

void Store::around_commits(std::function<void()> before, std::function<void()> after) {
  impl_->before_commit = std::move(before);
  impl_->after_commit = std::move(after);
}

void Store::commit() {
  Impl& store = *impl_;
  if (store.dirty.empty()) return;
  const CommitCalls calls(store.before_commit, store.after_commit);
  store.commit_intents();
  store.commit_values();
  store.commit_states();
  for (const std::int64_t trial : store.dirty)
    store.committed[static_cast<std::size_t>(trial)] = store.staged[static_cast<std::size_t>(trial)];
  store.dirty.clear();
  store.cleared.clear();
  store.wipe_from.clear();
  store.rows.clear();
}

void Store::require_in_place() const {
  if (impl_->file.is_in_place()) return;
  const std::string rescued = StorePaths{impl_->path}.rescued();
  std::string outcome = "what it held is saved as " + rescued;
  try {
    impl_->file.copy_to(rescued);
  } catch (const SystemError& error) {
    outcome = std::string("what it held could not be saved: ") + error.what();
  }
  throw OwnershipLost(impl_->path, "was deleted, moved or replaced while this run wrote it; " + outcome);
}

void Store::close() {
  commit();
  impl_->file.close();
}

}  // namespace edgesweep
