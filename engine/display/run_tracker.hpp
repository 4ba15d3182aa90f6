#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/display/rate_window.hpp"
#include "engine/schedule/coordinator.hpp"

namespace edgesweep {

/// A worker, with the times that a coordinator, which has no clock, can't tell.
struct WorkerNow {
  WorkerView view;
  bool lost = false;
  double seconds = 0;                     ///< it has done this for so long, up to one observation less
  std::optional<double> seconds_left{};   ///< of its trial, expected; empty until costs are measured
};

/// A run as it is at one moment.
struct RunNow {
  Progress progress;
  bool stopping = false;  ///< for the caller to say
  double elapsed_seconds = 0;
  std::optional<double> records_per_second{};  ///< over the last minute
  std::optional<double> trials_per_hour{};     ///< over the last hour
  std::optional<double> seconds_left{};        ///< expected; empty until costs are measured
  std::vector<WorkerNow> workers;              ///< by number; those lost included
};

/// Watches a coordinator: rates, since when each worker does what it does, and what is left. Records come seldom late in
/// a trial, so the time since the last one counts as work done.
class RunTracker {
 public:
  static constexpr double kPeriodSeconds = 0.5;

  RunTracker(double now_seconds, std::set<int> workers);

  bool due(double now_seconds) const { return now_seconds >= next_; }

  /// To be called about every kPeriodSeconds.
  RunNow observe(double now_seconds, const Progress& progress, const std::vector<WorkerView>& workers);

 private:
  /// What a worker was seen doing last.
  struct Seen {
    std::optional<std::int64_t> trial{};
    std::int64_t attempt = 0;
    bool lost = false;
    double since = 0;
    std::int64_t step = 0;
    std::int64_t records = 0;
    double progressed_at = 0;  ///< step or records changed
  };
  WorkerNow watch(double now_seconds, const WorkerView& view, bool lost);

  double began_;
  double next_ = 0;
  RateWindow records_{60};
  RateWindow ended_{3600};
  std::map<int, Seen> seen_;
};

}  // namespace edgesweep
