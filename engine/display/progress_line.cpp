#include "engine/display/progress_line.hpp"

#include <cstdio>

#include "engine/base/log.hpp"
#include "engine/display/duration.hpp"

namespace edgesweep {
namespace {

constexpr double kTerminalPeriod = 0.5;
constexpr double kPlainPeriod = 10;

}  // namespace

std::string rate_text(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, rate > 0 && rate < 0.95 ? "%.2g" : rate < 1000 ? "%.1f" : "%.0f", rate);
  return text;
}

std::string progress_text(const RunNow& run) {
  const Progress& progress = run.progress;
  std::string text = std::to_string(progress.done + progress.diverged + progress.failed) + "/" +
                     std::to_string(progress.trials) + " trials";
  if (progress.failed > 0) {
    text += ", " + std::to_string(progress.failed) + " failed";
  }
  if (run.stopping) {
    text += ", stopping";
  } else if (run.seconds_left) {
    text += ", " + duration_text(*run.seconds_left) + " left";
  }
  if (run.records_per_second) {
    text += ", " + rate_text(*run.records_per_second) + " records/s";
  }
  text += ", " + std::to_string(progress.running) + " running";
  if (progress.diverged > 0) {
    text += ", " + std::to_string(progress.diverged) + " diverged";
  }
  return text;
}

ProgressLine::ProgressLine(bool terminal) : period_(terminal ? kTerminalPeriod : kPlainPeriod) {}

void ProgressLine::show(double now_seconds, const RunNow& run) {
  if (now_seconds < next_) {
    return;
  }
  next_ = now_seconds + period_;
  if (!first_) {
    log_progress(progress_text(run));
  }
  first_ = false;
}

}  // namespace edgesweep
