#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/display/progress_file.hpp"
#include "engine/display/progress_line.hpp"
#include "engine/display/run_tracker.hpp"
#include "engine/schedule/coordinator.hpp"
#include "engine/spec/catalog.hpp"
#include "engine/store/events.hpp"
#include "engine/store/store.hpp"
#include "engine/store/store_lock.hpp"

namespace edgesweep {

/// Options of `edgesweep run`.
struct RunOptions {
  std::string sweep;
  std::string store;
  std::string data;
  std::string device = "auto";
  std::string shard;  ///< "I/N"; empty: the whole sweep, or what the resumed store holds
  bool resume = false;
  bool take_over = false;
  std::vector<std::string> overrides;
  std::string fork;  ///< STORE:TRIAL@STEP, or empty
  double checkpoint_interval = 300;  ///< seconds
  bool in_process = false;           ///< train in the ranks themselves, not in trainer processes
  int trials = 1;                    ///< that each worker trains at a time
  bool trainer_process = false;      ///< a trainer process without mpirun, too
  double heartbeat_timeout = 300;    ///< seconds without a sign of life after which a trainer is killed; 0: never
  double hang_timeout = 0;           ///< seconds without progress after which a trainer is killed; 0: never
  double patience = 3600;            ///< seconds to wait for a disk that can't be written
  std::string stop_at;               ///< as stop_time() reads it; empty: the end of the Slurm allocation
};

/// What the one process that owns the store does around its coordinator: checks, lock, store, journal, progress.
class RunDesk {
 public:
  /// Checks all that can be checked without training, before anything but the lock is written: sweep, data set, store,
  /// folder, owner. `trainers` ranks are there to train. Throws InputError.
  RunDesk(const RunOptions& options, const Catalog& catalog, int trainers);

  const Sweep& sweep() const { return sweep_; }

  /// Makes or opens the store, and tells the person what starts. Throws InputError or SystemError.
  void open(const std::set<int>& workers);

  /// After open().
  Coordinator& coordinator() { return *coordinator_; }

  /// To be called often: shows progress, and asks for a stop when it is time. Throws OwnershipLost if the store is no longer
  /// in its place or this run's.
  void turn(double now_seconds);

  /// Commits, closes the store and tells the person how it ended. Throws SystemError.
  ExitCode close();

 private:
  /// Throws OwnershipLost if the store is no longer in its place, another process has taken it over, or its lock is gone.
  void require_ownership() const;

  const RunOptions& options_;
  const Catalog& catalog_;
  Sweep sweep_;
  StorePaths paths_;
  StorePart part_;
  std::optional<StoreLock> lock_;
  std::optional<Store> store_;
  std::optional<EventLog> events_;
  std::unique_ptr<Coordinator> coordinator_;
  std::optional<RunTracker> tracker_;
  ProgressLine progress_;
  std::optional<ProgressFile> progress_file_;  ///< goes before the lock
  std::optional<double> stop_at_;  ///< seconds since 1970
  double next_lock_check_ = 0;
  double began_ = 0;
};

}  // namespace edgesweep
