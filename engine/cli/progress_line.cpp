#include "engine/cli/progress_line.hpp"

#include <cmath>
#include <cstdio>

#include "engine/base/log.hpp"

namespace edgesweep {
namespace {

constexpr double kTerminalPeriod = 0.5;
constexpr double kPlainPeriod = 10;
constexpr double kRateWindow = 60;

std::string two_digits(std::int64_t number) {
  std::string text = std::to_string(number);
  text.insert(0, text.size() < 2 ? 1 : 0, '0');
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) {
    return std::to_string(whole) + " s";
  }
  if (whole < 3600) {
    return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  }
  if (whole < 86400) {
    return std::to_string(whole / 3600) + " h " + two_digits(whole % 3600 / 60) + " min";
  }
  return std::to_string(whole / 86400) + " d " + std::to_string(whole % 86400 / 3600) + " h";
}

ProgressLine::ProgressLine(bool terminal) : period_(terminal ? kTerminalPeriod : kPlainPeriod) {}

void ProgressLine::show(double now_seconds, const Progress& progress) {
  const bool first = history_.empty();
  history_.emplace_back(now_seconds, progress.records);
  while (history_.size() > 2 && history_.front().first < now_seconds - kRateWindow) {
    history_.pop_front();
  }
  next_ = now_seconds + period_;
  if (first) {
    return;  // nothing has happened yet, and there is no rate
  }
  const auto& [since, records] = history_.front();
  char rate[32];
  std::snprintf(rate, sizeof rate, "%.1f", static_cast<double>(progress.records - records) / (now_seconds - since));
  std::string text = std::to_string(progress.done + progress.diverged + progress.failed) + "/" +
                     std::to_string(progress.trials) + " trials (" + std::to_string(progress.diverged) + " diverged, " +
                     std::to_string(progress.failed) + " failed), " + rate + " records/s";
  // Predictions from sizes alone are off by an unknown factor until a trial has finished here.
  if (progress.has_measured_costs) {
    text += ", " + duration_text(progress.seconds_left) + " left";
  }
  log_progress(text);
}

}  // namespace edgesweep
