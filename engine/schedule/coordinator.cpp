#include "engine/schedule/coordinator.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "engine/store/checkpoint_file.hpp"

namespace edgesweep {
namespace {

std::string name_of(const Trial& trial) {
  return "trial b" + std::to_string(trial.cell.batch) + "-p" + std::to_string(trial.cell.point) + "-s" +
         std::to_string(trial.seed);
}

bool ended(TrialStatus status) { return status == TrialStatus::done || status == TrialStatus::diverged; }

}  // namespace

Coordinator::Coordinator(const Sweep& sweep, Store& store, EventLog& events, CostModel costs, std::set<int> workers,
                         double patience)
    : sweep_(sweep), store_(store), events_(events), paths_{store.path()}, costs_(std::move(costs)),
      sizes_(trial_sizes(sweep)), queue_(sizes_, costs_), workers_(std::move(workers)), patience_(patience) {
  const bool may_have_checkpoints = std::filesystem::exists(paths_.checkpoint_directory());
  const std::int64_t count = sweep.trial_count();
  states_.reserve(static_cast<std::size_t>(count));
  for (std::int64_t trial = 0; trial < count; ++trial) {
    states_.push_back(store.state(trial));
    const TrialStatus status = states_.back().status;
    ++counts_[status];
    if (status == TrialStatus::absent) continue;  // another shard's
    if (!ended(status)) {
      queue_.push(trial);
    } else if (may_have_checkpoints) {
      checkpoints_to_remove_.push_back(trial);  // a kill came between the commit of the end and the removal
    }
  }
  remove_checkpoints();
}

void Coordinator::on_message(int worker, const WorkerMessage& message) {
  std::visit([&](const auto& content) { on(worker, content); }, message);
}

void Coordinator::on(int worker, const WorkerReady&) { idle_.insert(worker); }

void Coordinator::on(int worker, const WorkerUnfit& message) {
  on_worker_gone(worker, message.subject + ": " + message.reason);
}

void Coordinator::on(int, const StopAsked&) { request_stop(); }

void Coordinator::on(int worker, const TrialStarted& message) {
  Run& run = run_of(worker, message.trial);
  run.from_checkpoint = message.from_checkpoint;
  if (message.from_checkpoint) {
    run.step = state_of(message.trial).steps;  // of the checkpoint, unless the process was killed right after writing it
    log_event("resumed", message.trial, worker, run, "");
  } else if (failures_.contains(message.trial)) {
    // Records of a failed attempt are suspect. Those of an interrupted one stay until the same bits overwrite them.
    store_.clear_records(message.trial);
    state_of(message.trial).records = 0;
    state_of(message.trial).steps = 0;
    store_.set_state(message.trial, state_of(message.trial));
    staged_ = true;
  }
}

void Coordinator::on(int worker, const TrialRecord& message) {
  Run& run = run_of(worker, message.trial);
  store_.write_record(message.trial, message.index, message.values);
  TrialState& state = state_of(message.trial);
  state.records = std::max(state.records, message.index + 1);
  run.records = message.index + 1;
  run.step = message.values.empty() ? 0 : static_cast<std::int64_t>(message.values.front());
  ++records_;
  ++staged_records_;
  staged_ = true;
}

void Coordinator::on(int worker, const TrialCheckpointed& message) {
  Run& run = run_of(worker, message.trial);
  run.step = message.step;
  state_of(message.trial).steps = message.step;
  store_.set_state(message.trial, state_of(message.trial));
  staged_ = true;
  log_event("checkpointed", message.trial, worker, run, "");
}

void Coordinator::on(int worker, const TrialFinished& message) {
  Run run = run_of(worker, message.trial);
  TrialState& state = state_of(message.trial);
  if (run.records < state.records) {
    on(worker, TrialFailed{message.trial,
                           "ended after " + std::to_string(run.records) + " records, an earlier attempt had " +
                               std::to_string(state.records) + ": it ran with other threads, hardware or data",
                           message.wall_seconds});
    return;
  }
  if (!run.from_checkpoint) {
    costs_.observe(sizes_[static_cast<std::size_t>(message.trial)].batch, message.steps, run.records,
                   message.wall_seconds);
  }
  state.steps = run.step = message.steps;
  state.wall_seconds += message.wall_seconds;
  running_.erase(worker);
  end_trial(message.trial, message.diverged ? TrialStatus::diverged : TrialStatus::done);
  log_event("finished", message.trial, worker, run, message.diverged ? "diverged" : "");
}

void Coordinator::on(int worker, const TrialInterrupted& message) {
  const Run run = run_of(worker, message.trial);
  state_of(message.trial).wall_seconds += message.wall_seconds;
  running_.erase(worker);
  set_status(message.trial, TrialStatus::pending);
  queue_.push(message.trial);
  log_event("interrupted", message.trial, worker, run, "");
  // Nobody interrupts one trial: its worker was asked to stop, and the whole run with it.
  request_stop();
}

void Coordinator::on(int worker, const TrialFailed& message) {
  const Run run = run_of(worker, message.trial);
  state_of(message.trial).wall_seconds += message.wall_seconds;
  running_.erase(worker);
  fail_trial(worker, run, message.reason);
}

void Coordinator::on_worker_gone(int worker, const std::string& reason) {
  workers_.erase(worker);
  idle_.erase(worker);
  if (const auto found = running_.find(worker); found != running_.end()) {
    const Run run = found->second;
    running_.erase(found);
    fail_trial(worker, run, "worker lost: " + reason);
  }
  if (workers_.empty() && !finished()) {
    commit();
    throw SystemError("worker " + std::to_string(worker), "the last worker is lost: " + reason);
  }
}

void Coordinator::fail_trial(int worker, const Run& run, const std::string& reason) {
  const int failures = ++failures_[run.trial];
  failed_on_[run.trial] = worker;
  if (failures < kMaxFailures) {
    set_status(run.trial, TrialStatus::pending);
    queue_.push(run.trial);
  } else {
    end_trial(run.trial, TrialStatus::failed);
  }
  log_event("failed", run.trial, worker, run, reason);
  log_warning(name_of(trial_place(sweep_, run.trial)) + " failed on worker " + std::to_string(worker) + ", attempt " +
              std::to_string(failures) + " of " + std::to_string(kMaxFailures) + ": " + reason);
}

Coordinator::Run& Coordinator::run_of(int worker, std::int64_t trial) {
  const auto found = running_.find(worker);
  if (found == running_.end() || found->second.trial != trial) {
    throw SystemError("worker " + std::to_string(worker),
                      "sent a message about trial " + std::to_string(trial) + ", which it does not run");
  }
  return found->second;
}

void Coordinator::request_stop() {
  stopping_ = true;
  urgent_ = true;
}

std::vector<Dispatch> Coordinator::dispatch() {
  std::vector<Dispatch> dispatches;
  if (stopping_ || failing_since_) {
    return dispatches;
  }
  for (auto worker = idle_.begin(); worker != idle_.end() && !queue_.empty();) {
    const auto trial = queue_.pop([&](std::int64_t candidate) {
      const auto last = failed_on_.find(candidate);
      return last == failed_on_.end() || last->second != *worker || workers_.size() == 1;
    });
    if (!trial) {
      ++worker;
      continue;
    }
    const auto found = failures_.find(*trial);
    const int failures = found == failures_.end() ? 0 : found->second;
    dispatches.push_back({*worker, {*trial, failures < kMaxFailures - 1, failures > 0}});
    Run& run = running_[*worker];
    run = Run{.trial = *trial};
    ++state_of(*trial).attempts;
    set_status(*trial, TrialStatus::running);
    log_event("assigned", *trial, *worker, run, "");
    worker = idle_.erase(worker);
  }
  return dispatches;
}

void Coordinator::set_status(std::int64_t trial, TrialStatus status) {
  TrialState& state = state_of(trial);
  --counts_[state.status];
  ++counts_[status];
  state.status = status;
  store_.set_state(trial, state);
  staged_ = true;
}

void Coordinator::end_trial(std::int64_t trial, TrialStatus status) {
  set_status(trial, status);
  checkpoints_to_remove_.push_back(trial);
  urgent_ = true;
}

bool Coordinator::commit_is_due(double now_seconds) const {
  if (!staged_ || now_seconds < next_try_) {
    return false;
  }
  return failing_since_ || urgent_ || staged_records_ >= kCommitRecords || now_seconds - committed_at_ >= kCommitSeconds;
}

void Coordinator::tick(double now_seconds) {
  if (!commit_is_due(now_seconds)) {
    return;
  }
  try {
    commit();
  } catch (const SystemError& error) {
    bear(error, now_seconds);
    return;
  }
  committed_at_ = now_seconds;
  if (failing_since_) {
    log_info("the store can be written again; all is committed");
    failing_since_.reset();
    last_tries_since_.reset();
    next_try_ = now_seconds;
  }
}

void Coordinator::bear(const SystemError& error, double now_seconds) {
  if (!failing_since_) {
    failing_since_ = now_seconds;
    log_warning(std::string("the store can't be written, trying again; no trial is started until it can: ") + error.what());
  }
  if (!stopping_ && now_seconds - *failing_since_ >= patience_) {
    log_warning("the store still can't be written: the run stops");
    request_stop();
  }
  if (stopping_ && running_.empty()) {  // else the trials that come back have their checkpoints to write yet
    last_tries_since_ = last_tries_since_.value_or(now_seconds);
    if (now_seconds - *last_tries_since_ >= std::min(patience_, kLastTriesSeconds)) {
      throw error;
    }
  }
  next_try_ = now_seconds + std::min(kRetrySeconds, 0.1 + (now_seconds - *failing_since_));
}

void Coordinator::commit() {
  store_.commit();
  staged_ = urgent_ = false;
  staged_records_ = 0;
  remove_checkpoints();
}

void Coordinator::remove_checkpoints() {
  for (const std::int64_t trial : checkpoints_to_remove_) {
    remove_checkpoint(paths_.checkpoint(trial_place(sweep_, trial)));
  }
  checkpoints_to_remove_.clear();
}

Progress Coordinator::progress() const {
  const auto count = [&](TrialStatus status) {
    const auto found = counts_.find(status);
    return found == counts_.end() ? 0 : found->second;
  };
  Progress progress;
  progress.trials = static_cast<std::int64_t>(states_.size()) - count(TrialStatus::absent);
  progress.done = count(TrialStatus::done);
  progress.diverged = count(TrialStatus::diverged);
  progress.failed = count(TrialStatus::failed);
  progress.running = static_cast<std::int64_t>(running_.size());
  progress.waiting = queue_.size();
  progress.records = records_;
  progress.has_measured_costs = costs_.has_measurements();
  progress.waiting_seconds = queue_.seconds();
  double work = progress.waiting_seconds;
  double longest = 0;
  for (const auto& [worker, run] : running_) {
    const TrialSize& size = sizes_[static_cast<std::size_t>(run.trial)];
    const double left = costs_.seconds(size.batch, size.steps - run.step, size.records - run.records);
    work += left;
    longest = std::max(longest, left);
  }
  progress.seconds_left = std::max(longest, work / static_cast<double>(std::max<std::size_t>(1, workers_.size())));
  return progress;
}

std::vector<WorkerView> Coordinator::workers() const {
  std::vector<WorkerView> views;
  for (const int worker : workers_) {
    WorkerView view{.worker = worker, .waits = idle_.contains(worker)};
    if (const auto found = running_.find(worker); found != running_.end()) {
      const Run& run = found->second;
      view.trial = run.trial;
      view.attempt = states_[static_cast<std::size_t>(run.trial)].attempts;
      view.step = run.step;
      view.records = run.records;
      view.size = sizes_[static_cast<std::size_t>(run.trial)];
      view.seconds_left = costs_.seconds(view.size.batch, view.size.steps - run.step, view.size.records - run.records);
    }
    views.push_back(view);
  }
  return views;
}

ExitCode Coordinator::exit_code() const {
  const Progress now = progress();
  if (now.waiting + now.running > 0) {
    return ExitCode::interrupted;
  }
  return now.failed > 0 ? ExitCode::failed_trials : ExitCode::success;
}

void Coordinator::log_event(const std::string& name, std::int64_t trial, int worker, const Run& run,
                            const std::string& reason) {
  try {
    events_.write({.name = name,
                   .trial = trial,
                   .rank = worker,
                   .step = run.step,
                   .records = run.records,
                   .reason = reason});
  } catch (const SystemError& error) {
    // The journal explains the store, the store does not need it: a disk too full for a line must not end the sweep.
    if (!journal_lost_) {
      log_warning(std::string("the event log has gaps from now on: ") + error.what());
    }
    journal_lost_ = true;
  }
}

}  // namespace edgesweep
