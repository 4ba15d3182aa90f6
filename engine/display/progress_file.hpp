#pragma once

#include <string>

#include "engine/base/json.hpp"
#include "engine/display/run_tracker.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/store/store_lock.hpp"

namespace edgesweep {

/// What StorePaths::progress holds; docs/store.md has the keys. `unix_time` is the moment of `run`.
Json progress_json(const Sweep& sweep, const RunNow& run, double unix_time);

/// Its content; null if there is no such file, or it is not what this version writes.
Json read_progress(const std::string& path);

/// The file beside a store that says what its run does. Nothing needs it to resume: it is not synced, and a disk that can't
/// be written is no trouble. It is written, and removed, only while the lock is held.
class ProgressFile {
 public:
  static constexpr double kPeriodSeconds = 2;

  /// Removes what a killed run left. `lock` must outlive the object.
  ProgressFile(std::string path, const StoreLock& lock);
  ProgressFile(const ProgressFile&) = delete;
  ProgressFile& operator=(const ProgressFile&) = delete;
  ~ProgressFile();

  /// Writes it, if it is time.
  void show(double now_seconds, const Sweep& sweep, const RunNow& run);

 private:
  void remove() const;

  std::string path_;
  const StoreLock& lock_;
  double next_ = 0;
  bool said_ = false;  ///< that it can't be written
};

}  // namespace edgesweep
