#include "engine/display/progress_file.hpp"

#include <unistd.h>

#include <cmath>
#include <utility>

#include "engine/base/clock.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"

namespace edgesweep {
namespace {

/// To a thousandth: nobody reads more.
double rounded(double number) { return std::round(1000 * number) / 1000; }

Json number_or_null(const std::optional<double>& number) { return number ? Json(rounded(*number)) : Json(); }

Json worker_json(const Sweep& sweep, const WorkerNow& worker, double unix_time) {
  const WorkerView& view = worker.view;
  Json json = {{"rank", view.worker},
               {"state", worker.lost ? "lost" : view.trial ? "running" : view.waits ? "idle" : "starting"},
               {"since", utc_timestamp(unix_time - worker.seconds)},
               {"seconds", rounded(worker.seconds)}};
  if (view.trial) {
    const Trial trial = trial_place(sweep, *view.trial);
    json.update({{"trial", *view.trial},
                 {"batch", trial.cell.batch},
                 {"point", trial.cell.point},
                 {"eta", trial.cell.eta},
                 {"seed", trial.seed},
                 {"attempt", view.attempt},
                 {"step", view.step},
                 {"steps", view.size.steps},
                 {"records", view.records},
                 {"records_total", view.size.records},
                 {"seconds_left", number_or_null(worker.seconds_left)}});
  }
  return json;
}

/// True if it is there with that type, or null where that is allowed.
bool has_number(const Json& json, const char* key, bool or_null = false) {
  const auto found = json.find(key);
  return found != json.end() && (found->is_number() || (or_null && found->is_null()));
}

bool is_worker(const Json& json) {
  if (!json.is_object() || !has_number(json, "rank") || !has_number(json, "seconds") || !json.contains("state") ||
      !json["state"].is_string()) {
    return false;
  }
  if (json["state"] != "running") {
    return true;
  }
  for (const char* key : {"trial", "batch", "point", "eta", "seed", "attempt", "step", "steps", "records", "records_total"}) {
    if (!has_number(json, key)) {
      return false;
    }
  }
  return has_number(json, "seconds_left", true);
}

bool is_progress(const Json& json) {
  if (!json.is_object() || !json.contains("time") || !json["time"].is_string() || !has_number(json, "elapsed_seconds") ||
      !has_number(json, "records_per_second", true) || !has_number(json, "trials_per_hour", true) ||
      !has_number(json, "seconds_left", true) || !json.contains("stopping") || !json["stopping"].is_boolean() ||
      !json.contains("workers") || !json["workers"].is_array()) {
    return false;
  }
  for (const Json& worker : json["workers"]) {
    if (!is_worker(worker)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Json progress_json(const Sweep& sweep, const RunNow& run, double unix_time) {
  Json workers = Json::array();
  for (const WorkerNow& worker : run.workers) {
    workers.push_back(worker_json(sweep, worker, unix_time));
  }
  return {{"time", utc_timestamp(unix_time)},
          {"started", utc_timestamp(unix_time - run.elapsed_seconds)},
          {"elapsed_seconds", rounded(run.elapsed_seconds)},
          {"stopping", run.stopping},
          {"records_per_second", number_or_null(run.records_per_second)},
          {"trials_per_hour", number_or_null(run.trials_per_hour)},
          {"seconds_left", number_or_null(run.seconds_left)},
          {"workers", std::move(workers)}};
}

Json read_progress(const std::string& path) {
  std::string text;
  try {
    text = read_text_file(path);
  } catch (const Error&) {
    return nullptr;
  }
  Json json = Json::parse(text, nullptr, false);
  return is_progress(json) ? json : Json();
}

ProgressFile::ProgressFile(std::string path, const StoreLock& lock) : path_(std::move(path)), lock_(lock) { remove(); }

ProgressFile::~ProgressFile() {
  if (lock_.held()) {
    remove();
  }
}

void ProgressFile::remove() const {
  unlink(path_.c_str());
  unlink((path_ + ".partial").c_str());
}

void ProgressFile::show(double now_seconds, const Sweep& sweep, const RunNow& run) {
  if (now_seconds < next_ || !lock_.held()) {
    return;
  }
  next_ = now_seconds + kPeriodSeconds;
  try {
    replace_file(path_, progress_json(sweep, run, unix_seconds()).dump() + "\n");
  } catch (const SystemError& error) {
    if (!said_) {
      log_warning("edgesweep status can't see the workers: " + one_line(error.what()));
    }
    said_ = true;
  }
}

}  // namespace edgesweep
