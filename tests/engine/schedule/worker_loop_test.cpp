#include "engine/schedule/worker_loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>
#include <utility>

#include "engine/base/clock.hpp"
#include "engine/base/fault_injection.hpp"
#include "engine/base/signals.hpp"
#include "engine/schedule/local_transport.hpp"
#include "engine/spec/runner_unfit.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

/// Runs (or resumes) the sweep in this process; what `run` of the command line does without mpirun.
ExitCode run_here(const Sweep& sweep, const std::string& path, FakeRunner::StepHook before_step,
                  double checkpoint_interval = 300) {
  Store store = std::filesystem::exists(path) ? Store::open(path, sweep) : Store::create(path, sweep, utc_timestamp());
  EventLog events(StorePaths{path}.events());
  Coordinator coordinator(sweep, store, events, CostModel(sweep, FakeCatalog()), {LocalTransport::kWorker});
  LocalTransport transport(coordinator, [](double) {});
  FakeRunner runner(std::move(before_step));
  run_worker(sweep, runner, transport, {{path}, checkpoint_interval});
  coordinator.commit();
  store.close();
  return coordinator.exit_code();
}

void nothing(const Trial&, std::int64_t) {}

/// All that must be equal in two runs of one sweep.
std::vector<double> content(const Sweep& sweep, const std::string& path) {
  const StoreReader store(path);
  std::vector<double> all;
  for (std::int64_t index = 0; index < sweep.trial_count(); ++index) {
    const Trial trial = make_trial(sweep, index);
    const TrialState state = store.state(trial.cell.batch_index, trial.cell.point, trial.seed_index);
    all.push_back(static_cast<double>(state.status));
    all.push_back(static_cast<double>(state.records));
    all.push_back(static_cast<double>(state.steps));
    for (const char* column : {"step", "samples", "learning_rate", "train_loss"}) {
      const auto values = store.values(column, trial.cell.batch_index, trial.cell.point, trial.seed_index);
      all.insert(all.end(), values.begin(), values.end());
    }
  }
  return all;
}

int count_events(const std::string& path, const std::string& name) {
  int count = 0;
  for (const Json& event : read_events(StorePaths{path}.events())) {
    count += event.at("event") == name ? 1 : 0;
  }
  return count;
}

TEST(WorkerLoop, RunsASweepToItsEndInOneProcess) {
  const TemporaryFolder folder;
  const Sweep sweep = fake_sweep();
  const std::string path = folder.file("s.h5");
  EXPECT_EQ(run_here(sweep, path, nothing), ExitCode::success);
  const StoreReader store(path);
  EXPECT_EQ(store.state(0, 0, 0).status, TrialStatus::done);
  EXPECT_EQ(store.state(0, 2, 0).status, TrialStatus::diverged);
  EXPECT_EQ(store.state(0, 2, 0).steps, 100);
  EXPECT_EQ(store.state(0, 0, 0).records, static_cast<std::int64_t>(make_trial(sweep, 0).record_steps.size()));
  EXPECT_TRUE(std::filesystem::exists(StorePaths{path}.parameters(make_trial(sweep, 0), std::nullopt)));
}

TEST(WorkerLoop, AFailingTrialGoesOnFromItsCheckpointToTheSameBits) {
  const TemporaryFolder folder;
  const Sweep sweep = fake_sweep(20);
  ASSERT_EQ(run_here(sweep, folder.file("calm.h5"), nothing), ExitCode::success);
  int failures = 0;
  std::int64_t steps = 0;
  const auto fail_twice = [&](const Trial& trial, std::int64_t step) {
    steps += trial.index == 4 ? 1 : 0;
    if (trial.index == 4 && step == 6 && failures < 2) {
      ++failures;
      throw std::runtime_error("the device is on fire");
    }
  };
  EXPECT_EQ(run_here(sweep, folder.file("rough.h5"), fail_twice, 0), ExitCode::success);
  EXPECT_EQ(failures, 2);
  EXPECT_LT(steps, 7 + 7 + 10);  // later attempts did not start at step 0
  EXPECT_EQ(content(sweep, folder.file("rough.h5")), content(sweep, folder.file("calm.h5")));
  EXPECT_TRUE(std::filesystem::is_empty(StorePaths{folder.file("rough.h5")}.checkpoint_directory()));
}

TEST(WorkerLoop, AStopSignalInterruptsAndAResumeEndsInTheSameBits) {
  const TemporaryFolder folder;
  const Sweep sweep = fake_sweep();
  ASSERT_EQ(run_here(sweep, folder.file("calm.h5"), nothing), ExitCode::success);
  std::int64_t steps = 0;
  const auto stop_now_and_then = [&](const Trial&, std::int64_t) {
    if (++steps % 700 == 0) {
      set_stop_signal(SIGTERM);
    }
  };
  int runs = 0;
  while (run_here(sweep, folder.file("stopped.h5"), stop_now_and_then) == ExitCode::interrupted) {
    set_stop_signal(0);
    ASSERT_LT(++runs, 20);
  }
  set_stop_signal(0);
  EXPECT_GE(runs, 3);
  EXPECT_EQ(count_events(folder.file("stopped.h5"), "interrupted"), runs);
  EXPECT_EQ(count_events(folder.file("stopped.h5"), "resumed"), runs);
  EXPECT_EQ(count_events(folder.file("stopped.h5"), "failed"), 0);
  EXPECT_EQ(content(sweep, folder.file("stopped.h5")), content(sweep, folder.file("calm.h5")));
}

TEST(WorkerLoop, ATrialThatAlwaysFailsEndsTheSweepWithCode3AndItsReasonInTheEventLog) {
  const TemporaryFolder folder;
  const Sweep sweep = fake_sweep();
  const auto fail = [](const Trial& trial, std::int64_t) {
    if (trial.index == 3) {
      throw std::runtime_error("out of memory");
    }
  };
  EXPECT_EQ(run_here(sweep, folder.file("s.h5"), fail), ExitCode::failed_trials);
  int failures = 0;
  for (const Json& event : read_events(StorePaths{folder.file("s.h5")}.events())) {
    if (event.at("event") == "failed") {
      ++failures;
      EXPECT_EQ(event.at("trial"), 3);
      EXPECT_EQ(event.at("reason"), "out of memory");
    }
  }
  EXPECT_EQ(failures, Coordinator::kMaxFailures);
  // Who resumes wants them tried again.
  EXPECT_EQ(run_here(sweep, folder.file("s.h5"), nothing), ExitCode::success);
}

TEST(WorkerLoop, AStopWhileATrialWaitsForTheDiskGivesItBackToGoOnFromItsCheckpoint) {
  class Desk final : public Transport {
   public:
    std::vector<WorkerMessage> heard;
    bool given = false;
    std::optional<Assignment> next() override { return std::exchange(given, true) ? std::nullopt : std::optional(Assignment{}); }
    void send(const WorkerMessage& message) override { heard.push_back(message); }
    bool stop_requested() override { return heard.size() > 3; }  // but the trial has ended when it looks for the first time
  };
  const TemporaryFolder folder;
  Desk desk;
  FakeRunner runner;
  set_faults("write@.pt:1-:ENOSPC");
  run_worker(fake_sweep(2), runner, desk, {{folder.file("s.h5")}, 300, 1e6});
  set_faults("");
  EXPECT_TRUE(std::holds_alternative<TrialInterrupted>(desk.heard.back()));
}

TEST(WorkerLoop, ABrokenConnectionEndsTheWorkerInsteadOfFailingTheTrial) {
  class Broken final : public Transport {
   public:
    std::optional<Assignment> next() override { return Assignment{}; }
    void send(const WorkerMessage& message) override {
      ASSERT_FALSE(std::holds_alternative<TrialFailed>(message));
      if (std::holds_alternative<TrialRecord>(message)) {
        throw SystemError("MPI_Isend", "broken");
      }
    }
    bool stop_requested() override { return false; }
  };
  const TemporaryFolder folder;
  Broken transport;
  FakeRunner runner;
  EXPECT_THROW(run_worker(fake_sweep(), runner, transport, {{folder.file("s.h5")}, 300}), SystemError);
}

TEST(WorkerLoop, AnUnfitRunnerEndsItsWorkerInsteadOfFailingOneTrialAfterTheOther) {
  class Office final : public Transport {
   public:
    std::vector<WorkerMessage> heard;
    std::optional<Assignment> next() override { return Assignment{}; }
    void send(const WorkerMessage& message) override { heard.push_back(message); }
    bool stop_requested() override { return false; }
  };
  const TemporaryFolder folder;
  Office office;
  FakeRunner runner([](const Trial&, std::int64_t) { throw RunnerUnfit("a new trainer process", "no device any more"); });
  run_worker(fake_sweep(), runner, office, {{folder.file("s.h5")}, 300});
  EXPECT_EQ(office.heard.back(), WorkerMessage(WorkerUnfit{false, "a new trainer process", "no device any more"}));
}

}  // namespace
}  // namespace edgesweep
