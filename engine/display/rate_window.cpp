#include "engine/display/rate_window.hpp"

namespace edgesweep {
namespace {

constexpr double kSamples = 60;
constexpr double kShortest = 0.5;

}  // namespace

void RateWindow::add(double now_seconds, std::int64_t count) {
  latest_ = {now_seconds, count};
  if (samples_.empty() || now_seconds - samples_.back().first >= seconds_ / kSamples) {
    samples_.push_back(latest_);
  }
  // The newest sample at least `seconds_` old stays: the window is never shorter than asked for, once there is that much.
  while (samples_.size() > 1 && samples_[1].first <= now_seconds - seconds_) {
    samples_.pop_front();
  }
}

std::optional<double> RateWindow::per_second() const {
  if (samples_.empty() || latest_.first - samples_.front().first < kShortest) {
    return std::nullopt;
  }
  return static_cast<double>(latest_.second - samples_.front().second) / (latest_.first - samples_.front().first);
}

}  // namespace edgesweep
