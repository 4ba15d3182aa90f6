#pragma once

#include <string>

#include "engine/display/run_tracker.hpp"

namespace edgesweep {

/// "34/96 trials, 1 failed, 3 min 40 s left, 31.4 records/s, 2 running, 5 diverged": what matters most comes first, as a
/// terminal's width may cut the rest.
std::string progress_text(const RunNow& run);

/// "31.4", "0.052"
std::string rate_text(double rate);

/// Shows how far a sweep is: a live line on a terminal, a plain line every ten seconds elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool terminal);

  /// Shows it, if it is time. Nothing at first: nothing has happened yet, and there is no rate.
  void show(double now_seconds, const RunNow& run);

 private:
  double next_ = 0;
  bool first_ = true;
  double period_;
};

}  // namespace edgesweep
