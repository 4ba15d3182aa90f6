#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "engine/schedule/coordinator.hpp"

namespace edgesweep {

/// 42 s, 3 min 05 s, 2 h 10 min, 4 d 3 h.
std::string duration_text(double seconds);

/// Shows how far a sweep is: a live line on a terminal, a plain line every ten seconds elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool terminal);

  /// True if a line is due; asking is cheap.
  bool due(double now_seconds) const { return now_seconds >= next_; }

  void show(double now_seconds, const Progress& progress);

 private:
  double next_ = 0;
  double period_;
  std::deque<std::pair<double, std::int64_t>> history_;  ///< (time, records) of the last minute
};

}  // namespace edgesweep
