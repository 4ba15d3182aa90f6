#pragma once

#include <vector>

// The store's fdatasync, timed, and delayed as by a slow disk.
namespace edgesweep {

struct TimedSyncs {
  double delay_seconds = 0;     ///< added to every call
  std::vector<double> seconds;  ///< of each call, the delay included
  double last_end = 0;          ///< monotonic_seconds() after the newest call
};

/// Of this process, which has linked timed_syncs.cpp.
TimedSyncs& timed_syncs();

}  // namespace edgesweep
