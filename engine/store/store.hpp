#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// Values of the store's `status` variable; the order is that of the file's flag_values.
enum class TrialStatus : std::uint8_t { pending, running, done, diverged, failed, absent };
inline constexpr std::array<std::string_view, 6> kTrialStatusNames{"pending",  "running", "done",
                                                                    "diverged", "failed",  "absent"};

/// What the store knows of one trial beside its records.
struct TrialState {
  TrialStatus status = TrialStatus::pending;
  std::int64_t records = 0;  ///< committed records
  std::int64_t attempts = 0;
  std::int64_t steps = 0;
  double wall_seconds = 0;
};

/// This process no longer owns the store: it must end, without another try. Exit code 1.
class OwnershipLost : public Error {
 public:
  using Error::Error;
};

/// What of a sweep a store holds; by default all of it.
struct StorePart {
  std::string shard = {};           ///< "I/N" of `--shard`, for people and for resuming
  std::vector<bool> trials = {};    ///< by trial index, true for those that are in it; empty: all
  std::string data_identity = {};   ///< of the data that it is made with, where there is something to tell them by
};

/// The one HDF5 file of a sweep, as docs/store.md describes it. All space is allocated when it is made; after that
/// only values change, so that a kill at any moment leaves a file that opens and holds every committed record.
/// Move-only. The destructor closes; values staged since the last commit are dropped with a warning: call close().
class Store {
 public:
  /// Makes the file under a temporary name, syncs it, then renames it to `path`. `created` is an ISO 8601 UTC stamp.
  /// Throws InputError if `path` exists or its directory can't be written, SystemError if the disk is full.
  static Store create(const std::string& path, const Sweep& sweep, const std::string& created, const StorePart& part = {});

  /// Opens for writing, for the sweep whose canonical text it holds. Throws InputError if it is no store, of another
  /// schema version, or of another sweep (naming the first difference).
  static Store open(const std::string& path, const Sweep& sweep);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const std::string& path() const;

  /// "I/N" if it is the store of a part of the sweep, else empty. Trials of other parts are `absent`.
  const std::string& shard() const;

  /// As it was made with (StorePart).
  const std::string& data_identity() const;

  /// State of trial `index`, as committed.
  const TrialState& state(std::int64_t trial_index) const;

  /// Stages record `index` of a trial: values as TrialHooks::record gets them. Visible after commit().
  /// Records of one trial must come in order, starting at most at the number staged; an earlier one is overwritten.
  void write_record(std::int64_t trial_index, std::int64_t index, std::span<const double> values);

  /// Stages a trial's status, attempts, steps, wall_seconds (its `records` is counted by the store).
  void set_state(std::int64_t trial_index, const TrialState& state);

  /// Forgets the records of a trial (a failed attempt without checkpoint starts over): count 0, values NaN.
  void clear_records(std::int64_t trial_index);

  /// `before` is called before each commit writes anything, and throws if it must not (OwnershipLost); `after` when a commit
  /// ends, also one that failed or was not to be.
  void around_commits(std::function<void()> before, std::function<void()> after);

  /// Group commit: values, fsync, then counts and states, fsync. Throws SystemError; may then be called again.
  void commit();

  /// Throws OwnershipLost if the file has been deleted, moved or replaced since it was opened, after saving all that it holds
  /// as StorePaths::rescued. Cheap while it has not.
  void require_in_place() const;

  /// Commits and closes. Throws SystemError.
  void close();

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace edgesweep
