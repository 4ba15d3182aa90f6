#include "engine/display/run_tracker.hpp"

#include <algorithm>

namespace edgesweep {

RunTracker::RunTracker(double now_seconds, std::set<int> workers) : began_(now_seconds) {
  for (const int worker : workers) {
    seen_[worker].since = now_seconds;
  }
}

WorkerNow RunTracker::watch(double now_seconds, const WorkerView& view, bool lost) {
  Seen& seen = seen_[view.worker];
  if (seen.trial != view.trial || seen.attempt != view.attempt || seen.lost != lost) {
    seen = {.trial = view.trial, .attempt = view.attempt, .lost = lost, .since = now_seconds, .step = view.step,
            .records = view.records, .progressed_at = now_seconds};
  } else if (seen.step != view.step || seen.records != view.records) {
    seen.step = view.step;
    seen.records = view.records;
    seen.progressed_at = now_seconds;
  }
  WorkerNow worker{.view = view, .lost = lost, .seconds = now_seconds - seen.since};
  if (view.trial) {
    worker.seconds_left = std::max(0.0, view.seconds_left - (now_seconds - seen.progressed_at));
  }
  return worker;
}

RunNow RunTracker::observe(double now_seconds, const Progress& progress, const std::vector<WorkerView>& workers) {
  next_ = now_seconds + kPeriodSeconds;
  records_.add(now_seconds, progress.records);
  ended_.add(now_seconds, progress.done + progress.diverged + progress.failed);
  RunNow run;
  run.progress = progress;
  run.elapsed_seconds = now_seconds - began_;
  run.records_per_second = records_.per_second();
  if (const auto rate = ended_.per_second()) {
    run.trials_per_hour = 3600 * *rate;
  }
  double work = progress.waiting_seconds;
  double longest = 0;
  std::map<int, WorkerNow> all;
  for (const WorkerView& view : workers) {
    WorkerNow& worker = all[view.worker] = watch(now_seconds, view, false);
    work += worker.seconds_left.value_or(0);
    longest = std::max(longest, worker.seconds_left.value_or(0));
  }
  for (const auto& [number, seen] : seen_) {
    if (!all.contains(number)) {
      all[number] = watch(now_seconds, {.worker = number}, true);
    }
  }
  // Predictions from sizes alone are off by an unknown factor until a trial has finished here.
  if (progress.has_measured_costs) {
    run.seconds_left = std::max(longest, work / static_cast<double>(std::max<std::size_t>(1, workers.size())));
  }
  for (auto& [number, worker] : all) {
    if (!progress.has_measured_costs) {
      worker.seconds_left.reset();
    }
    run.workers.push_back(worker);
  }
  return run;
}

}  // namespace edgesweep
