#include "engine/trainer/process_runner.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <variant>

#include "engine/base/clock.hpp"
#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "engine/spec/runner_unfit.hpp"
#include "engine/trainer/socket_team.hpp"

namespace edgesweep {
namespace {

/// Silence counted for one wait: if this process itself was stopped for an hour, its trainer was not silent for one.
constexpr double kMostSilenceAWait = 5 * FrameSocket::kWaitSeconds;

std::string text_of(double seconds) {
  std::ostringstream text;
  text << seconds;
  return text.str();
}

/// What a report asks of the hooks; an outcome if it ended the trial.
struct Relay {
  TrialHooks& hooks;

  std::optional<TrialOutcome> operator()(const RecordTaken& report) const {
    hooks.record(report.index, report.values);
    return std::nullopt;
  }
  std::optional<TrialOutcome> operator()(const StateSaved& report) const {
    hooks.checkpoint(report.state, report.step);
    return std::nullopt;
  }
  std::optional<TrialOutcome> operator()(const ParametersKept& report) const {
    hooks.keep_parameters(report.content, report.record < 0 ? std::nullopt : std::optional(report.record));
    return std::nullopt;
  }
  std::optional<TrialOutcome> operator()(const TrialEnded& report) const { return TrialOutcome{report.end, report.steps}; }
  std::optional<TrialOutcome> operator()(const TrialThrew& report) const { throw std::runtime_error(report.reason); }
  std::optional<TrialOutcome> operator()(const TrainerAlive&) const { return std::nullopt; }
  std::optional<TrialOutcome> operator()(const TrainerReady&) const { return unexpected(); }
  std::optional<TrialOutcome> operator()(const TrainerUnfit&) const { return unexpected(); }
  std::optional<TrialOutcome> operator()(const TeamCall&) const { return unexpected(); }

  [[noreturn]] static std::optional<TrialOutcome> unexpected() {
    throw SystemError("trainer process", "reports what it should not");
  }
};

}  // namespace

ProcessRunner::ProcessRunner(Later, TrainerSetup setup, TrainerTimeouts timeouts, std::shared_ptr<SharedTrainer> trainers,
                             int place)
    : setup_(std::move(setup)), timeouts_(timeouts), trainers_(std::move(trainers)), place_(place) {}

ProcessRunner::ProcessRunner(TrainerSetup setup, TrainerTimeouts timeouts, std::shared_ptr<SharedTrainer> trainers, int place)
    : ProcessRunner(Later(), std::move(setup), timeouts, std::move(trainers), place) {
  start_first();
}

ProcessRunner::ProcessRunner(TrainerSetup setup, TrainerTimeouts timeouts, TrainerCommand command, Team* team)
    : setup_(std::move(setup)), timeouts_(timeouts), team_(team) {
  if (team_ != nullptr) {
    setup_.team_rank = team_->rank();
    setup_.team_size = team_->size();
    buffer_.emplace();
  }
  trainers_ = std::make_shared<SharedTrainer>(std::move(command), 1, buffer_ ? buffer_->descriptor() : -1);
  start_first();
}

void ProcessRunner::start_first() {
  if (const auto unfit = start(nullptr)) {
    if (unfit->bad_input) {
      throw InputError(unfit->subject, unfit->reason);
    }
    throw std::runtime_error(unfit->reason);
  }
}

std::optional<TrainerUnfit> ProcessRunner::start(TrialHooks* hooks) {
  trainer_ = trainers_->get();
  silence_ = 0;
  send(setup_, hooks);
  std::optional<TrainerReport> report;
  while (!(report = next_report()) || std::holds_alternative<TrainerAlive>(*report)) {
    if (hooks != nullptr) {
      hooks->stop_requested();  // keeps the connection to the coordinator going
    }
  }
  if (const auto* unfit = std::get_if<TrainerUnfit>(&*report)) {
    return *unfit;
  }
  return std::nullopt;
}

void ProcessRunner::restart(TrialHooks& hooks) {
  if (const auto unfit = start(&hooks)) {
    throw RunnerUnfit(unfit->bad_input ? unfit->subject : "a new trainer process", unfit->reason);
  }
}

TrialOutcome ProcessRunner::run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) {
  if (hooks.failed_before() && trainers_->places() > 1) {
    ProcessRunner alone(Later(), setup_, timeouts_, std::make_shared<SharedTrainer>(trainers_->command(), 1), 0);
    return alone.run(trial, checkpoint, hooks);
  }
  try {
    if (trainer_ && trainer_->ended()) {
      log_warning("trainer process " + trainer_->how_it_ended() + " between two trials; a new one is started");
      drop();
    }
    if (trainer_ != trainers_->get()) {
      restart(hooks);
    }
    send(TrainTrial{trial.index, checkpoint.has_value(), checkpoint.value_or(Bytes())}, &hooks);
    return supervise(hooks);
  } catch (...) {
    drop();
    throw;
  }
}

void ProcessRunner::drop() {
  trainers_->drop(trainer_);
  trainer_.reset();
}

TrialOutcome ProcessRunner::supervise(TrialHooks& hooks) {
  bool stop_sent = false;
  bool save_sent = false;
  silence_ = idleness_ = 0;
  while (true) {
    if (const std::optional<TrainerReport> report = next_report()) {
      if (const auto* call = std::get_if<TeamCall>(&*report)) {
        call_team(*call, hooks);
      } else if (const auto outcome = std::visit(Relay{hooks}, *report)) {
        return *outcome;
      }
      save_sent = save_sent && !std::holds_alternative<StateSaved>(*report);
    }
    if (timeouts_.progress > 0 && idleness_ >= timeouts_.progress) {
      throw std::runtime_error("trainer process killed: no progress for " + text_of(timeouts_.progress) + " s");
    }
    if (hooks.stop_requested() && !stop_sent) {
      stop_sent = true;
      send(StopTrial{}, &hooks);
    }
    if (hooks.checkpoint_due() && !save_sent && !stop_sent) {
      save_sent = true;
      send(SaveState{}, &hooks);
    }
  }
}

std::optional<TrainerReport> ProcessRunner::next_report() {
  const double before = monotonic_seconds();
  std::optional<Bytes> frame;
  try {
    frame = trainer_->socket(place_).receive(FrameSocket::kWaitSeconds);
  } catch (const PeerGone&) {
    throw std::runtime_error("trainer process " + trainer_->how_it_ended());
  }
  const double waited = std::min(monotonic_seconds() - before, kMostSilenceAWait);
  silence_ += waited;
  idleness_ += waited;
  if (!frame) {
    if (timeouts_.heartbeat > 0 && silence_ >= timeouts_.heartbeat) {
      throw std::runtime_error("trainer process killed: no heartbeat for " + text_of(timeouts_.heartbeat) + " s");
    }
    return std::nullopt;
  }
  silence_ = 0;
  TrainerReport report = unpack_report(*frame);
  const auto* alive = std::get_if<TrainerAlive>(&report);
  if (alive == nullptr || alive->progress != progress_) {
    idleness_ = 0;
    progress_ = alive == nullptr ? progress_ : alive->progress;
  }
  return report;
}

void ProcessRunner::call_team(const TeamCall& call, TrialHooks& hooks) {
  if (team_ == nullptr) {
    throw SystemError("trainer process", "calls a team that it is not in");
  }
  send(make_call(*team_, call, *buffer_), &hooks);
}

void ProcessRunner::send(const TrainerOrder& order, TrialHooks* hooks) {
  try {
    trainer_->socket(place_).send(pack(order), [&] {
      if (hooks != nullptr) {
        hooks->stop_requested();
      }
    });
  } catch (const PeerGone&) {
    // What it said before is still to be read; the end of that tells that it is gone.
  }
}

}  // namespace edgesweep
