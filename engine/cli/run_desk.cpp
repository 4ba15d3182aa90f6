#include "engine/cli/run_desk.hpp"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "engine/base/clock.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/base/signals.hpp"
#include "engine/cli/data_source.hpp"
#include "engine/cli/fork.hpp"
#include "engine/cli/stop_time.hpp"
#include "engine/display/duration.hpp"
#include "engine/schedule/shard.hpp"
#include "engine/schedule/team_places.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

constexpr double kLockCheckSeconds = 1;

std::string counted(std::int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string crew_text(std::int64_t workers, std::int64_t ranks_per_trial) {
  return ranks_per_trial == 1 ? counted(workers, "worker")
                              : counted(workers, "team") + " of " + counted(ranks_per_trial, "rank");
}

std::string compute_line(const std::string& device) {
  const Json info = compute_info(false);
  const auto gpus = static_cast<std::int64_t>(info.at("devices").size()) - 1;  // the first one is the CPU
  const bool on_cpu = device == "cpu" || (device == "auto" && gpus == 0);
  return "device " + (on_cpu ? "cpu" : "cuda, " + counted(gpus, "GPU")) + ", BLAS " + info.at("blas").at("name").get<std::string>();
}

void warn_of_slow_blas() {
  const Json blas = compute_info(false).at("blas");
  if (blas.at("is_reference").get<bool>()) {
    log_warning("the BLAS in use (" + blas.at("library").get<std::string>() +
                ") is the reference one: 20 to 40 times slower than OpenBLAS; install libopenblas0-pthread");
  }
}

/// What a killed process left half-written. The lock is ours, so nobody is writing there now.
void remove_partial_files(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().filename().string().find(".partial.") != std::string::npos) {
      std::error_code ignored;
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace

RunDesk::RunDesk(const RunOptions& options, const Catalog& catalog, int trainers)
    : options_(options), catalog_(catalog), sweep_(load_forked_sweep(options.sweep, options.overrides, options.fork, catalog)),
      paths_{options.store}, progress_(isatty(STDERR_FILENO) != 0), stop_at_(stop_time(options.stop_at)) {
  require_team(trainers, sweep_.ranks_per_trial, options.sweep);
  if (!options.shard.empty()) {
    const Shard shard = parse_shard(options.shard);
    part_ = {shard.text(), trials_of_shard(sweep_, catalog, shard), {}};
  }
  // Also a link to nothing: it says that the store is elsewhere, on a disk that is not there now.
  const auto exists = [&] {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(paths_.store, ignored));
  };
  if (exists() && !options.resume) {
    throw InputError(paths_.store, "exists already; go on with it by --resume, or name another --store");
  }
  require_writable_directory(paths_.store);
  const DataSource data = data_source(options.data);
  part_.data_identity = check_data(sweep_.experiment, data);
  lock_ = StoreLock::acquire(paths_.lock(), options.take_over);
  progress_file_.emplace(paths_.progress(), *lock_);
  if (options.resume && exists()) {  // maybe since a moment: from another run that ended before the lock was ours
    store_ = Store::open(paths_.store, sweep_);
    if (!part_.shard.empty() && store_->shard() != part_.shard) {
      throw InputError(paths_.store, "holds " + (store_->shard().empty() ? "the whole sweep" : "shard " + store_->shard()) +
                                         ", --shard asks for " + part_.shard);
    }
    if (store_->data_identity() != part_.data_identity) {
      throw InputError(data.directory, "holds other data than the store was made with: " + part_.data_identity + "; in " +
                                           paths_.store + " " + store_->data_identity());
    }
  }
}

void RunDesk::open(const std::set<int>& workers) {
  const bool resumed = store_.has_value();
  if (!resumed) {
    store_ = Store::create(paths_.store, sweep_, utc_timestamp(), part_);
  }
  store_->around_commits(
      [this] {
        lock_->begin_write();
        require_ownership();
      },
      [this] { lock_->end_write(); });
  remove_partial_files(paths_.checkpoint_directory());
  remove_partial_files(paths_.parameter_directory());
  events_.emplace(paths_.events());
  coordinator_ = std::make_unique<Coordinator>(sweep_, *store_, *events_, CostModel(sweep_, catalog_), workers,
                                               options_.patience);
  const Progress start = coordinator_->progress();
  const std::string crew = crew_text(static_cast<std::int64_t>(workers.size()), sweep_.ranks_per_trial);
  events_->write({.name = resumed ? "reopened" : "opened", .reason = crew});
  warn_of_slow_blas();
  log_info(std::string("edgesweep ") + EDGESWEEP_VERSION + ", " + crew + ", " + compute_line(options_.device));
  const std::string of_what = store_->shard().empty()
                                  ? " in " + counted(static_cast<std::int64_t>(sweep_.cells.size()), "cell")
                                  : " of " + std::to_string(sweep_.trial_count()) + ", shard " + store_->shard();
  log_info(sweep_.name + ": " + counted(start.trials, "trial") + of_what +
           (resumed ? ", " + std::to_string(start.waiting) + " of them to do" : "") + "; store " + paths_.store);
  began_ = monotonic_seconds();
  tracker_.emplace(began_, workers);
}

void RunDesk::turn(double now_seconds) {
  if (now_seconds >= next_lock_check_) {
    next_lock_check_ = now_seconds + kLockCheckSeconds;
    require_ownership();
  }
  if (stop_at_ && unix_seconds() >= *stop_at_) {
    stop_at_.reset();
    log_info("the time to stop has come");
    set_stop_signal(SIGALRM);
  }
  if (tracker_->due(now_seconds)) {
    RunNow run = tracker_->observe(now_seconds, coordinator_->progress(), coordinator_->workers());
    run.stopping = coordinator_->stopping();
    progress_.show(now_seconds, run);
    progress_file_->show(now_seconds, sweep_, run);
  }
}

void RunDesk::require_ownership() const {
  store_->require_in_place();
  if (const std::string loss = lock_->loss(); !loss.empty()) {
    throw OwnershipLost(paths_.store, loss + "; this run ends");
  }
}

ExitCode RunDesk::close() {
  require_ownership();
  coordinator_->commit();
  const ExitCode code = coordinator_->exit_code();
  const Progress end = coordinator_->progress();
  store_->close();
  events_->write({.name = code == ExitCode::interrupted ? "stopped" : "completed"});
  events_->sync();
  std::error_code ignored;
  std::filesystem::remove(paths_.checkpoint_directory(), ignored);  // goes only if no trial has left a checkpoint
  const std::string counts = std::to_string(end.done) + " done, " + std::to_string(end.diverged) + " diverged, " +
                             std::to_string(end.failed) + " failed";
  const std::string time = duration_text(monotonic_seconds() - began_);
  if (code == ExitCode::interrupted) {
    log_info("interrupted after " + time + ": " + counts + ", " + std::to_string(end.waiting) + " to do; store " +
             paths_.store + "; go on with --resume");
  } else {
    log_info("finished in " + time + ": " + counts + "; store " + paths_.store);
  }
  if (end.failed > 0) {
    log_warning(counted(end.failed, "trial") + " failed; reasons: edgesweep status " + paths_.store);
  }
  return code;
}

}  // namespace edgesweep
