#pragma once

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/schedule/cost_model.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/spec/trial_runner.hpp"
#include "engine/store/events.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store.hpp"

// Stand-ins for the workers: a training that is one recurrence of a number, so that a run that skips, repeats or mixes
// up steps gives other bits.
namespace edgesweep {

/// Any experiment over 1000 examples; a step costs 1 s at B = 1 and B seconds at B, a record 10 s.
class FakeCatalog final : public Catalog {
 public:
  Json experiment(ObjectReader) const override { return Json::object(); }
  std::int64_t train_examples(const Json&) const override { return 1000; }
  Json measure(ObjectReader, const Json&) const override { return Json::object(); }
  std::vector<Column> columns(const Json&, const Json&) const override { return {{"train_loss", "1", "loss"}}; }
  PredictedCost predicted_cost(const Json&, const Json&, std::int64_t batch) const override {
    return {static_cast<double>(batch), 10};
  }
  bool shares_work(const Json&) const override { return true; }
  bool has_parameters(const Json&) const override { return true; }
};

/// Batch sizes 1, 10 and 100, each with three learning rates and two seeds; η = 8 diverges.
inline Sweep fake_sweep(std::int64_t steps = 200) {
  const Json file = {{"name", "fake"},
                     {"experiment", Json::object()},
                     {"grid", {{{"batch", {1, 10, 100}}, {"eta", {0.5, 2.0, 8.0}}, {"steps", steps}}}},
                     {"seeds", 2},
                     {"records", {{"count", 12}, {"spacing", "log"}}},
                     {"measure", Json::object()},
                     {"keep_parameters", "final"}};
  return parse_sweep(file.dump(), "fake.json", FakeCatalog());
}

class FakeRunner final : public TrialRunner {
 public:
  using StepHook = std::function<void(const Trial&, std::int64_t step)>;

  /// `before_step` may throw, sleep or ask for a stop.
  explicit FakeRunner(StepHook before_step = [](const Trial&, std::int64_t) {}) : before_step_(std::move(before_step)) {}

  TrialOutcome run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) override {
    State state = start(trial);
    if (checkpoint) {
      std::memcpy(&state, checkpoint->data(), sizeof state);
    }
    for (std::int64_t record = 0; record < state.records; ++record) {
      send(trial, state, record, hooks);
    }
    const std::int64_t end = trial.cell.eta >= 8 ? trial.cell.steps / 2 : trial.cell.steps;
    while (true) {
      if (state.step == trial.record_steps[static_cast<std::size_t>(state.records)]) {
        state.values[static_cast<std::size_t>(state.records)] = state.value;
        send(trial, state, state.records, hooks);
        ++state.records;
      }
      if (state.step == end) {
        hooks.keep_parameters(bytes_of(state), std::nullopt);
        return {end < trial.cell.steps ? TrialEnd::diverged : TrialEnd::done, state.step};
      }
      before_step_(trial, state.step);
      if (hooks.stop_requested()) {
        hooks.checkpoint(bytes_of(state), state.step);
        return {TrialEnd::interrupted, state.step};
      }
      if (hooks.checkpoint_due()) {
        hooks.checkpoint(bytes_of(state), state.step);
      }
      state.value = std::cos(state.value + trial.cell.eta * static_cast<double>(trial.cell.batch));
      ++state.step;
    }
  }

 private:
  struct State {
    std::int64_t step = 0;
    std::int64_t records = 0;
    double value = 0;
    std::array<double, 16> values{};
  };

  static State start(const Trial& trial) {
    State state;
    state.value = static_cast<double>(trial.seed) + trial.cell.eta;
    return state;
  }
  static Bytes bytes_of(const State& state) {
    Bytes bytes(sizeof state);
    std::memcpy(bytes.data(), &state, sizeof state);
    return bytes;
  }
  static void send(const Trial& trial, const State& state, std::int64_t record, TrialHooks& hooks) {
    const auto index = static_cast<std::size_t>(record);
    const auto step = static_cast<double>(trial.record_steps[index]);
    hooks.record(record, std::array{step, step * static_cast<double>(trial.cell.batch), trial.cell.eta,
                                    state.values[index]});
  }

  StepHook before_step_;
};

/// A folder that goes with the object.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& where = std::filesystem::temp_directory_path()) {
    std::string pattern = (where / "edgesweep-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace edgesweep
