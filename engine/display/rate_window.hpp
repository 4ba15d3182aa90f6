#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace edgesweep {

/// How fast a count grows, over the last `seconds`. Holds at most about 60 samples, however often one is taken.
class RateWindow {
 public:
  explicit RateWindow(double seconds) : seconds_(seconds) {}

  /// `now_seconds` must not decrease.
  void add(double now_seconds, std::int64_t count);

  /// Empty until there is half a second to speak of.
  std::optional<double> per_second() const;

 private:
  using Sample = std::pair<double, std::int64_t>;  ///< time, count
  double seconds_;
  std::deque<Sample> samples_;
  Sample latest_{};
};

}  // namespace edgesweep
