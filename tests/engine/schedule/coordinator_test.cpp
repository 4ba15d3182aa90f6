#include "engine/schedule/coordinator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/clock.hpp"
#include "engine/base/fault_injection.hpp"
#include "engine/store/checkpoint_file.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

using testing::HasSubstr;

class CoordinatorOf {
 public:
  explicit CoordinatorOf(std::set<int> workers, double patience = 0)
      : sweep(fake_sweep()), store(Store::create(folder.file("s.h5"), sweep, utc_timestamp())),
        events(folder.file("s.h5.events.jsonl")),
        coordinator(sweep, store, events, CostModel(sweep, FakeCatalog()), std::move(workers), patience) {}
  ~CoordinatorOf() { set_faults(""); }

  /// The worker is ready and gets this trial.
  Assignment give(int worker) {
    coordinator.on_message(worker, WorkerReady{});
    const std::vector<Dispatch> dispatches = coordinator.dispatch();
    EXPECT_EQ(dispatches.size(), 1u);
    EXPECT_EQ(dispatches.at(0).worker, worker);
    return dispatches.at(0).assignment;
  }
  void record(int worker, std::int64_t trial, std::int64_t index, double value) {
    const double step = static_cast<double>(make_trial(sweep, trial).record_steps.at(static_cast<std::size_t>(index)));
    coordinator.on_message(worker, TrialRecord{trial, index, {step, step, 0.5, value}});
  }
  /// Everything that is queued is trained by one worker; trials give one record.
  void finish_all(int worker) {
    while (true) {
      coordinator.on_message(worker, WorkerReady{});
      const std::vector<Dispatch> dispatches = coordinator.dispatch();
      if (dispatches.empty()) {
        return;
      }
      const std::int64_t trial = dispatches.front().assignment.trial;
      coordinator.on_message(worker, TrialStarted{trial, false});
      record(worker, trial, 0, 1);
      coordinator.on_message(worker, TrialFinished{trial, false, 200, 1});
    }
  }
  std::vector<std::string> events_named(const std::string& name) {
    std::vector<std::string> reasons;
    for (const Json& event : read_events(folder.file("s.h5.events.jsonl"))) {
      if (event.at("event") == name) {
        reasons.push_back(event.value("reason", ""));
      }
    }
    return reasons;
  }

  TemporaryFolder folder;
  Sweep sweep;
  Store store;
  EventLog events;
  Coordinator coordinator;
};

TEST(Coordinator, GivesTheLongestTrialsFirst) {
  CoordinatorOf sweep({1, 2});
  EXPECT_EQ(make_trial(sweep.sweep, sweep.give(1).trial).cell.batch, 100);
  EXPECT_EQ(make_trial(sweep.sweep, sweep.give(2).trial).cell.batch, 100);
  EXPECT_EQ(sweep.coordinator.progress().running, 2);
  EXPECT_EQ(sweep.coordinator.progress().waiting, 16);
}

TEST(Coordinator, TellsWhatEachWorkerDoes) {
  CoordinatorOf sweep({1, 2, 3, 4});
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  sweep.record(1, trial, 0, 1);
  sweep.record(1, trial, 1, 1);
  sweep.coordinator.on_message(2, WorkerReady{});
  sweep.coordinator.on_worker_gone(4, "node lost");
  const std::vector<WorkerView> workers = sweep.coordinator.workers();
  ASSERT_EQ(workers.size(), 3u);
  EXPECT_EQ(workers[0].worker, 1);
  EXPECT_EQ(workers[0].trial, trial);
  EXPECT_EQ(workers[0].attempt, 1);
  EXPECT_EQ(workers[0].records, 2);
  EXPECT_EQ(workers[0].step, make_trial(sweep.sweep, trial).record_steps[1]);
  EXPECT_EQ(workers[0].size.steps, 200);
  // B = 100: a step costs 100 s, a record 10 s; nothing is measured yet.
  const auto records = static_cast<double>(workers[0].size.records);
  EXPECT_DOUBLE_EQ(workers[0].seconds_left, 100.0 * static_cast<double>(200 - workers[0].step) + 10 * (records - 2));
  EXPECT_TRUE(workers[1].waits && !workers[1].trial);
  EXPECT_FALSE(workers[2].waits || workers[2].trial) << "it has not said that it is ready";
}

TEST(Coordinator, CommitsWhenATrialEndsAndOtherwiseEveryHalfSecond) {
  CoordinatorOf sweep({1});
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  sweep.coordinator.tick(100);
  EXPECT_EQ(sweep.store.state(trial).status, TrialStatus::running);
  sweep.record(1, trial, 0, 7);
  sweep.coordinator.tick(100.4);
  EXPECT_EQ(sweep.store.state(trial).records, 0);
  sweep.coordinator.tick(100.5);
  EXPECT_EQ(sweep.store.state(trial).records, 1);
  sweep.record(1, trial, 1, 8);
  sweep.coordinator.on_message(1, TrialFinished{trial, true, 100, 2.5});
  sweep.coordinator.tick(100.6);
  EXPECT_EQ(sweep.store.state(trial).records, 2);
  EXPECT_EQ(sweep.store.state(trial).status, TrialStatus::diverged);
  EXPECT_EQ(sweep.store.state(trial).steps, 100);
  EXPECT_DOUBLE_EQ(sweep.store.state(trial).wall_seconds, 2.5);
  EXPECT_EQ(sweep.coordinator.progress().diverged, 1);
}

TEST(Coordinator, KeepsTheCheckpointUntilTheEndOfItsTrialIsCommitted) {
  CoordinatorOf sweep({1});
  const Trial trial = make_trial(sweep.sweep, sweep.give(1).trial);
  const std::string path = StorePaths{sweep.store.path()}.checkpoint(trial);
  std::filesystem::create_directories(StorePaths{sweep.store.path()}.checkpoint_directory());
  write_checkpoint(path, trial.key, Bytes(8));
  sweep.coordinator.on_message(1, TrialStarted{trial.index, false});
  sweep.record(1, trial.index, 0, 7);
  sweep.coordinator.on_message(1, TrialFinished{trial.index, false, 200, 1});
  EXPECT_TRUE(std::filesystem::exists(path));
  sweep.coordinator.tick(0);
  EXPECT_EQ(sweep.store.state(trial.index).status, TrialStatus::done);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Coordinator, TriesAFailedTrialOnAnotherWorker) {
  CoordinatorOf sweep({1, 2});
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  sweep.coordinator.on_message(1, TrialFailed{trial, "out of memory", 1});
  EXPECT_NE(sweep.give(1).trial, trial);
  EXPECT_EQ(sweep.give(2), (Assignment{trial, true, true}));
  EXPECT_THAT(sweep.events_named("failed"), testing::ElementsAre("out of memory"));
}

TEST(Coordinator, GivesATrialUpAfterThreeFailuresAndEndsWithCode3) {
  CoordinatorOf sweep({1});
  const std::int64_t trial = sweep.give(1).trial;
  for (int failure = 1; failure <= 3; ++failure) {
    sweep.coordinator.on_message(1, TrialStarted{trial, false});
    sweep.record(1, trial, 0, failure);
    sweep.coordinator.on_message(1, TrialFailed{trial, "reason " + std::to_string(failure), 1});
    if (failure < 3) {
      // The longest trial comes first again; its last try does without the checkpoint.
      EXPECT_EQ(sweep.give(1), (Assignment{trial, failure < 2, failure > 0}));
    }
  }
  sweep.finish_all(1);
  sweep.coordinator.commit();
  EXPECT_TRUE(sweep.coordinator.finished());
  EXPECT_EQ(sweep.coordinator.exit_code(), ExitCode::failed_trials);
  EXPECT_EQ(sweep.store.state(trial).status, TrialStatus::failed);
  EXPECT_EQ(sweep.store.state(trial).attempts, 3);
  EXPECT_EQ(sweep.coordinator.progress().done, 17);
  EXPECT_EQ(sweep.events_named("failed").size(), 3u);
}

TEST(Coordinator, ARetryFromTheStartForgetsTheRecordsOfTheFailedAttempt) {
  CoordinatorOf sweep({1});
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  sweep.record(1, trial, 0, 1);
  sweep.record(1, trial, 1, 1);
  sweep.coordinator.commit();
  sweep.coordinator.on_message(1, TrialFailed{trial, "segfault", 1});
  sweep.give(1);
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  sweep.record(1, trial, 0, 2);
  sweep.coordinator.commit();
  EXPECT_EQ(sweep.store.state(trial).records, 1);
}

TEST(Coordinator, ATrialThatEndsWithFewerRecordsThanItHadIsTriedAgain) {
  CoordinatorOf sweep({1});
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  sweep.record(1, trial, 0, 1);
  sweep.record(1, trial, 1, 1);
  sweep.coordinator.on_message(1, TrialInterrupted{trial, 1});
  sweep.coordinator.commit();

  Store again = (sweep.store.close(), Store::open(sweep.folder.file("s.h5"), sweep.sweep));
  Coordinator resumed(sweep.sweep, again, sweep.events, CostModel(sweep.sweep, FakeCatalog()), {1});
  resumed.on_message(1, WorkerReady{});
  ASSERT_EQ(resumed.dispatch().at(0).assignment.trial, trial);
  resumed.on_message(1, TrialStarted{trial, false});
  resumed.on_message(1, TrialRecord{trial, 0, {0, 0, 0.5, 1}});
  resumed.on_message(1, TrialFinished{trial, true, 0, 1});
  EXPECT_EQ(resumed.progress().diverged, 0);
  EXPECT_EQ(resumed.progress().waiting, 18);
  EXPECT_THAT(sweep.events_named("failed").at(0), HasSubstr("an earlier attempt had 2"));
}

TEST(Coordinator, AStopTakesTrialsBackAndEndsWithCode75) {
  CoordinatorOf sweep({1, 2});
  const std::int64_t first = sweep.give(1).trial;
  const std::int64_t second = sweep.give(2).trial;
  sweep.coordinator.on_message(1, TrialStarted{first, false});
  sweep.coordinator.on_message(2, TrialStarted{second, false});
  sweep.coordinator.on_message(1, TrialInterrupted{first, 1});
  EXPECT_TRUE(sweep.coordinator.stopping());
  EXPECT_FALSE(sweep.coordinator.finished());
  sweep.coordinator.on_message(1, WorkerReady{});
  EXPECT_TRUE(sweep.coordinator.dispatch().empty());
  sweep.record(2, second, 0, 1);
  sweep.coordinator.on_message(2, TrialFinished{second, false, 200, 1});
  EXPECT_TRUE(sweep.coordinator.finished());
  sweep.coordinator.tick(0);
  EXPECT_EQ(sweep.store.state(first).status, TrialStatus::pending);
  EXPECT_EQ(sweep.store.state(second).status, TrialStatus::done);
  EXPECT_EQ(sweep.coordinator.exit_code(), ExitCode::interrupted);
}

TEST(Coordinator, AResumedSweepTriesItsFailedTrialsAgainAndNoOthers) {
  CoordinatorOf sweep({1});
  const std::int64_t trial = sweep.give(1).trial;
  for (int failure = 1; failure <= 3; ++failure) {
    sweep.coordinator.on_message(1, TrialFailed{trial, "no reason", 1});
    if (failure < 3) {
      sweep.give(1);
    }
  }
  sweep.finish_all(1);
  sweep.coordinator.commit();
  sweep.store.close();
  Store again = Store::open(sweep.folder.file("s.h5"), sweep.sweep);
  Coordinator resumed(sweep.sweep, again, sweep.events, CostModel(sweep.sweep, FakeCatalog()), {1});
  EXPECT_EQ(resumed.progress().waiting, 1);
  resumed.on_message(1, WorkerReady{});
  EXPECT_EQ(resumed.dispatch().at(0).assignment, (Assignment{trial, true}));
}

TEST(Coordinator, ALostWorkersTrialGoesToAnother) {
  CoordinatorOf sweep({1, 2});
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_worker_gone(1, "killed");
  EXPECT_EQ(sweep.give(2).trial, trial);
  EXPECT_THROW(sweep.coordinator.on_worker_gone(2, "killed"), SystemError);
  EXPECT_EQ(sweep.store.state(trial).status, TrialStatus::pending);
}

TEST(Coordinator, TriesAStoreThatCanNotBeWrittenAgainAndStartsNoTrialMeanwhile) {
  CoordinatorOf sweep({1, 2}, 100);
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  set_faults("write@s.h5:1-:ENOSPC");
  sweep.record(1, trial, 0, 7);
  double now = 0;
  for (; now < 99; now += 0.5) sweep.coordinator.tick(now);
  sweep.coordinator.on_message(2, WorkerReady{});
  EXPECT_TRUE(sweep.coordinator.dispatch().empty());
  EXPECT_FALSE(sweep.coordinator.stopping());
  set_faults("");
  sweep.coordinator.tick(now + Coordinator::kRetrySeconds);
  EXPECT_EQ(sweep.store.state(trial).records, 1);
  EXPECT_EQ(sweep.coordinator.dispatch().size(), 1u);
}

TEST(Coordinator, StopsTheRunWhenItsPatienceIsOverAndFailsWhenAllTrialsAreBack) {
  CoordinatorOf sweep({1}, 100);
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  set_faults("sync@s.h5:1-:EIO");
  sweep.record(1, trial, 0, 7);
  double now = 0;
  for (; !sweep.coordinator.stopping() && now < 200; now += 0.5) sweep.coordinator.tick(now);
  EXPECT_GE(now, 100);
  EXPECT_LE(now, 100 + 2 * Coordinator::kRetrySeconds);
  sweep.coordinator.tick(now + 50);  // the trial is not back yet
  EXPECT_FALSE(sweep.coordinator.finished());
  sweep.coordinator.on_message(1, TrialInterrupted{trial, 1});
  sweep.coordinator.tick(now + 60);
  EXPECT_FALSE(sweep.coordinator.finished());
  EXPECT_THROW(sweep.coordinator.tick(now + 60 + Coordinator::kLastTriesSeconds), SystemError);
  set_faults("");
  sweep.coordinator.tick(now + 80);  // all the same nothing was lost
  EXPECT_TRUE(sweep.coordinator.finished());
  EXPECT_EQ(sweep.store.state(trial).records, 1);
}

TEST(Coordinator, RefusesMessagesAboutTrialsThatAWorkerDoesNotRun) {
  CoordinatorOf sweep({1, 2});
  const std::int64_t trial = sweep.give(1).trial;
  EXPECT_THROW(sweep.coordinator.on_message(2, TrialStarted{trial, false}), SystemError);
  EXPECT_THROW(sweep.coordinator.on_message(1, TrialFinished{trial + 1, false, 1, 1}), SystemError);
}

TEST(Coordinator, ExpectsLessTimeTheMoreWasMeasured) {
  CoordinatorOf sweep({1});
  // 6 trials each of 200 steps and 12 records at B = 1, 10, 100; the catalog prices a step at B seconds, a record at 10.
  const auto records = static_cast<double>(make_trial(sweep.sweep, 0).record_steps.size());
  EXPECT_DOUBLE_EQ(sweep.coordinator.progress().seconds_left, 6 * (200 * 111 + 3 * 10 * records));
  const std::int64_t trial = sweep.give(1).trial;
  sweep.coordinator.on_message(1, TrialStarted{trial, false});
  const double before = sweep.coordinator.progress().seconds_left;
  sweep.record(1, trial, 0, 1);
  EXPECT_DOUBLE_EQ(sweep.coordinator.progress().seconds_left, before - 10);
}

}  // namespace
}  // namespace edgesweep
