#include "engine/trainer/trainer.hpp"

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "engine/base/clock.hpp"
#include "engine/base/error.hpp"
#include "engine/trainer/heartbeat.hpp"

namespace edgesweep {
namespace {

/// The hooks of a trial whose rank is at the other end of a socket.
class SocketHooks final : public TrialHooks {
 public:
  SocketHooks(FrameSocket& socket, ReportLine& line) : socket_(socket), line_(line), heartbeat_(line) {}

  void record(std::int64_t index, std::span<const double> values) override {
    heartbeat_.progress();
    line_.send(RecordTaken{index, {values.begin(), values.end()}});
  }

  bool checkpoint_due() override { return save_; }

  void checkpoint(const Bytes& state, std::int64_t step) override {
    line_.send(StateSaved{step, state});
    save_ = false;
  }

  bool stop_requested() override {
    heartbeat_.progress();
    const double now = monotonic_seconds();
    if (now - polled_ >= kOrderPollSeconds) {
      polled_ = now;
      take_orders();
    }
    return stop_;
  }

  void keep_parameters(const Bytes& content, std::optional<std::int64_t> record) override {
    line_.send(ParametersKept{record.value_or(-1), content});
  }

 private:
  void take_orders() {
    while (const std::optional<Bytes> frame = socket_.receive(0)) {
      const TrainerOrder order = unpack_order(*frame);
      save_ = save_ || std::holds_alternative<SaveState>(order);
      stop_ = stop_ || std::holds_alternative<StopTrial>(order);
    }
  }

  FrameSocket& socket_;
  ReportLine& line_;
  Heartbeat heartbeat_;
  double polled_ = monotonic_seconds();
  bool save_ = false;
  bool stop_ = false;
};

TrainerOrder next_order(FrameSocket& socket) {
  constexpr double long_seconds = 1000;
  while (true) {
    if (const std::optional<Bytes> frame = socket.receive(long_seconds)) {
      return unpack_order(*frame);
    }
  }
}

TrainerReport train(const TrainTrial& order, TrainerJob& job, FrameSocket& socket, ReportLine& line) {
  SocketHooks hooks(socket, line);
  try {
    const TrialOutcome outcome =
        job.runner->run(make_trial(job.sweep, order.trial),
                        order.from_checkpoint ? std::optional(order.checkpoint) : std::nullopt, hooks);
    return TrialEnded{outcome.end, outcome.steps};
  } catch (const PeerGone&) {
    throw;
  } catch (const std::exception& error) {
    return TrialThrew{one_line(error.what())};
  }
}

std::optional<TrainerJob> set_up(FrameSocket& socket, ReportLine& line, const TrainerFactory& make) {
  TrainerReport complaint;
  try {
    const Heartbeat heartbeat(line);
    return make(std::get<TrainerSetup>(next_order(socket)));
  } catch (const PeerGone&) {
    throw;
  } catch (const InputError& error) {
    complaint = TrainerUnfit{true, error.subject(), error.reason()};
  } catch (const std::exception& error) {
    complaint = TrainerUnfit{false, "", one_line(error.what())};
  }
  line.send(complaint);
  return std::nullopt;
}

}  // namespace

void serve_trainer(FrameSocket socket, const TrainerFactory& make) {
  try {
    ReportLine line(socket);
    std::optional<TrainerJob> job = set_up(socket, line, make);
    if (!job) {
      return;
    }
    line.send(TrainerReady{});
    while (true) {
      const TrainerOrder order = next_order(socket);
      // An order to save or to stop may cross with the end of its trial.
      if (const auto* trial = std::get_if<TrainTrial>(&order)) {
        line.send(train(*trial, *job, socket, line));
      }
    }
  } catch (const PeerGone&) {
    // The rank needs no trainer any more.
  }
}

}  // namespace edgesweep
