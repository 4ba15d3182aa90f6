#include "engine/trainer/trainer.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "engine/base/clock.hpp"
#include "engine/base/error.hpp"
#include "engine/trainer/heartbeat.hpp"
#include "engine/trainer/socket_team.hpp"

namespace edgesweep {
namespace {

constexpr double long_seconds = 1000;

/// What the rank orders while a trial runs.
class Orders {
 public:
  explicit Orders(FrameSocket& socket) : socket_(socket) {}

  /// A trial begins: an order about an earlier one may have crossed with its end.
  void begin() { save_ = stop_ = false; }

  bool save() const { return save_; }
  void saved() { save_ = false; }
  bool stop() const { return stop_; }

  /// Takes in what is there.
  void look() {
    while (const std::optional<Bytes> frame = socket_.receive(0)) {
      take(unpack_order(*frame));
    }
  }

  TeamAnswer await_answer() {
    while (true) {
      if (const std::optional<Bytes> frame = socket_.receive(long_seconds)) {
        const TrainerOrder order = unpack_order(*frame);
        if (const auto* answer = std::get_if<TeamAnswer>(&order)) {
          return *answer;
        }
        take(order);
      }
    }
  }

 private:
  void take(const TrainerOrder& order) {
    save_ = save_ || std::holds_alternative<SaveState>(order);
    stop_ = stop_ || std::holds_alternative<StopTrial>(order);
  }

  FrameSocket& socket_;
  bool save_ = false;
  bool stop_ = false;
};

/// The hooks of a trial whose rank is at the other end of a socket.
class SocketHooks final : public TrialHooks {
 public:
  SocketHooks(Orders& orders, ReportLine& line) : orders_(orders), line_(line), heartbeat_(line) { orders_.begin(); }

  void record(std::int64_t index, std::span<const double> values) override {
    heartbeat_.progress();
    line_.send(RecordTaken{index, {values.begin(), values.end()}});
  }

  bool checkpoint_due() override { return orders_.save(); }

  void checkpoint(const Bytes& state, std::int64_t step) override {
    line_.send(StateSaved{step, state});
    orders_.saved();
  }

  bool stop_requested() override {
    heartbeat_.progress();
    const double now = monotonic_seconds();
    if (now - polled_ >= kOrderPollSeconds) {
      polled_ = now;
      orders_.look();
    }
    return orders_.stop();
  }

  void keep_parameters(const Bytes& content, std::optional<std::int64_t> record) override {
    line_.send(ParametersKept{record.value_or(-1), content});
  }

 private:
  Orders& orders_;
  ReportLine& line_;
  Heartbeat heartbeat_;
  double polled_ = monotonic_seconds();
};

TrainerOrder next_order(FrameSocket& socket) {
  while (true) {
    if (const std::optional<Bytes> frame = socket.receive(long_seconds)) {
      return unpack_order(*frame);
    }
  }
}

TrainerReport train(const TrainTrial& order, TrainerJob& job, Orders& orders, ReportLine& line) {
  SocketHooks hooks(orders, line);
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

/// The job, and the team that it is in, which has to outlive it.
struct SetUp {
  std::unique_ptr<SocketTeam> team;
  TrainerJob job;
};

std::optional<SetUp> set_up(FrameSocket& socket, Orders& orders, ReportLine& line, const TrainerFactory& make) {
  TrainerReport complaint;
  try {
    const Heartbeat heartbeat(line);
    const auto setup = std::get<TrainerSetup>(next_order(socket));
    auto team = std::make_unique<SocketTeam>(setup.team_rank, setup.team_size, [&](const TeamCall& call) {
      line.send(call);
      return orders.await_answer();
    });
    TrainerJob job = make(setup, *team);
    return SetUp{std::move(team), std::move(job)};
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
    Orders orders(socket);
    std::optional<SetUp> ready = set_up(socket, orders, line, make);
    if (!ready) {
      return;
    }
    line.send(TrainerReady{});
    while (true) {
      const TrainerOrder order = next_order(socket);
      // An order to save or to stop may cross with the end of its trial.
      if (const auto* trial = std::get_if<TrainTrial>(&order)) {
        line.send(train(*trial, ready->job, orders, line));
      }
    }
  } catch (const PeerGone&) {
    // The rank needs no trainer any more.
  }
}

}  // namespace edgesweep
