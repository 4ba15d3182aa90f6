#include "engine/trainer/process_runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>

#include "engine/base/clock.hpp"
#include "engine/spec/runner_unfit.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

/// Keeps all that a trial tells.
struct Diary final : TrialHooks {
  std::map<std::int64_t, std::vector<double>> records;
  std::optional<Bytes> state;
  std::int64_t state_step = -1;
  std::map<std::int64_t, Bytes> parameters;
  int states = 0;
  double stop_at = 1e300;       ///< seconds of the clock
  bool save = false;
  std::string broken = {};      ///< call that throws
  bool failed = false;          ///< before

  bool failed_before() override { return failed; }

  void record(std::int64_t index, std::span<const double> values) override {
    if (broken == "record") throw std::runtime_error("no room for a record");
    records[index] = {values.begin(), values.end()};
  }
  bool checkpoint_due() override { return save; }
  void checkpoint(const Bytes& bytes, std::int64_t step) override {
    state = bytes;
    state_step = step;
    ++states;
  }
  bool stop_requested() override { return monotonic_seconds() >= stop_at; }
  void keep_parameters(const Bytes& content, std::optional<std::int64_t> record) override {
    if (broken == "parameters") throw std::runtime_error("no room for parameters");
    parameters[record.value_or(-1)] = content;
  }
};

struct ProcessRunnerTest : testing::Test {
  const Sweep sweep = fake_sweep();
  const Trial trial = make_trial(sweep, 3);

  ProcessRunner runner(const std::string& how, TrainerTimeouts timeouts = {}) const {
    return {TrainerSetup{sweep.text, "fake.json", "", how, 0, -1}, timeouts, {FAKE_TRAINER, {}}};
  }

  /// The undisturbed trial, in this process.
  Diary calm() const {
    Diary diary;
    FakeRunner().run(trial, std::nullopt, diary);
    return diary;
  }
};

/// What running the trial threw, empty if nothing.
std::string failure(ProcessRunner& runner, const Trial& trial, Diary& diary) {
  try {
    runner.run(trial, std::nullopt, diary);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

TEST_F(ProcessRunnerTest, ATrialInATrainerTellsTheSameAsInThisProcess) {
  ProcessRunner trainer = runner("calm");
  for (int i = 0; i < 3; ++i) {
    Diary diary;
    const TrialOutcome outcome = trainer.run(trial, std::nullopt, diary);
    EXPECT_EQ(outcome.end, TrialEnd::done);
    EXPECT_EQ(outcome.steps, 200);
    EXPECT_EQ(diary.records, calm().records);
    EXPECT_EQ(diary.parameters, calm().parameters);
  }
}

TEST_F(ProcessRunnerTest, ATrainersDeathIsTheTrialsFailureAndTheNextTrialGetsANewOne) {
  const std::map<std::string, std::string> reasons{{"segfault", "trainer process killed by signal 11 (Segmentation fault)"},
                                                   {"kill", "trainer process killed by signal 9 (Killed)"},
                                                   {"exit", "trainer process ended with exit code 7"},
                                                   {"throw", "the device is on fire"}};
  for (const auto& [how, reason] : reasons) {
    ProcessRunner trainer = runner(how);
    for (int attempt = 0; attempt < 2; ++attempt) {
      Diary diary;
      EXPECT_EQ(failure(trainer, trial, diary), reason);
      EXPECT_FALSE(diary.records.empty()) << "what it said before its death counts";
    }
  }
}

TEST_F(ProcessRunnerTest, StopSignalsToATrainerDoNothing) {
  ProcessRunner trainer = runner("stop signals");
  Diary diary;
  EXPECT_EQ(trainer.run(trial, std::nullopt, diary).end, TrialEnd::done);
}

TEST_F(ProcessRunnerTest, AStopEndsTheTrialWithItsStateAndItGoesOnFromThereToTheSameBits) {
  ProcessRunner trainer = runner("slow");
  Diary first;
  first.stop_at = monotonic_seconds() + 0.1;
  EXPECT_EQ(trainer.run(trial, std::nullopt, first).end, TrialEnd::interrupted);
  ASSERT_TRUE(first.state);
  EXPECT_LT(first.state_step, 200);
  Diary second;
  EXPECT_EQ(trainer.run(trial, first.state, second).end, TrialEnd::done);
  EXPECT_EQ(second.records, calm().records);
  EXPECT_EQ(second.parameters, calm().parameters);
}

TEST_F(ProcessRunnerTest, StatesComeAsLongAsTheyAreDue) {
  ProcessRunner trainer = runner("slow");
  Diary diary;
  diary.save = true;
  trainer.run(trial, std::nullopt, diary);
  EXPECT_GE(diary.states, 2);
  EXPECT_EQ(diary.records, calm().records);
}

TEST_F(ProcessRunnerTest, AHungTrainerIsKilledAfterTheTimeOut) {
  ProcessRunner trainer = runner("hang", {.progress = 0.4});
  Diary diary;
  EXPECT_EQ(failure(trainer, trial, diary), "trainer process killed: no progress for 0.4 s");
}

TEST_F(ProcessRunnerTest, ATrainerWithoutAHeartbeatIsKilledAfterTheTimeOut) {
  ProcessRunner trainer = runner("stopped", {.heartbeat = 0.6});
  Diary diary;
  EXPECT_EQ(failure(trainer, trial, diary), "trainer process killed: no heartbeat for 0.6 s");
}

TEST_F(ProcessRunnerTest, ATrainerThatMeasuresForLongHasAHeartbeat) {
  ProcessRunner trainer = runner("long", {.heartbeat = 0.6});
  Diary diary;
  EXPECT_EQ(failure(trainer, trial, diary), "");
}

TEST_F(ProcessRunnerTest, ATrainerThatTakesStepsIsNotHung) {
  ProcessRunner trainer = runner("slow", {.progress = 0.6});
  Diary diary;
  EXPECT_EQ(failure(trainer, trial, diary), "");
}

TEST_F(ProcessRunnerTest, ATrialWhoseHookThrowsEndsAndTheRunnerGoesOn) {
  ProcessRunner trainer = runner("calm");
  for (const char* call : {"record", "parameters"}) {
    Diary broken;
    broken.broken = call;
    EXPECT_THAT(failure(trainer, trial, broken), testing::StartsWith("no room"));
    Diary whole;
    EXPECT_EQ(failure(trainer, trial, whole), "");
    EXPECT_EQ(whole.records, calm().records);
  }
}

/// Two runners in one trainer, trained in by a thread each.
struct TwoPlaces : ProcessRunnerTest {
  /// What running trials 3 and 4 at the same time threw.
  std::vector<std::string> failures(bool failed_before) {
    std::vector<std::string> reasons(2);
    std::vector<std::jthread> threads;
    std::latch done(2);
    for (std::size_t i = 0; i < 2; ++i) {
      diaries[i] = Diary();
      diaries[i].failed = failed_before;
      threads.emplace_back([&, i] {
        reasons[i] = failure(*runners[i], trials[i], diaries[i]);
        done.arrive_and_wait();  // threads that may have started a trainer end together
      });
    }
    threads.clear();
    return reasons;
  }

  void start(const std::string& how) {
    const auto trainers = std::make_shared<SharedTrainer>(TrainerCommand{FAKE_TRAINER, {}}, 2);
    for (int place = 0; place < 2; ++place) {
      runners.push_back(std::make_unique<ProcessRunner>(TrainerSetup{sweep.text, "fake.json", "", how, 0, -1}, TrainerTimeouts{},
                                                        trainers, place));
    }
  }

  void expect_calm(std::size_t place) {
    Diary calm;
    FakeRunner().run(trials[place], std::nullopt, calm);
    EXPECT_EQ(diaries[place].records, calm.records);
    EXPECT_EQ(diaries[place].parameters, calm.parameters);
  }

  const std::vector<Trial> trials{make_trial(sweep, 3), make_trial(sweep, 4)};
  std::vector<std::unique_ptr<ProcessRunner>> runners;
  std::vector<Diary> diaries{2};
};

TEST_F(TwoPlaces, TrainAtTheSameTimeAndTellWhatOneTells) {
  start("slow");
  EXPECT_EQ(failures(false), std::vector<std::string>(2));
  for (const std::size_t place : {0, 1}) expect_calm(place);
}

TEST_F(TwoPlaces, ADeathFailsBothTrialsAndOnceMoreOnlyTheOneThatBroughtIt) {
  start("trial 3 kills");
  const std::string killed = "trainer process killed by signal 9 (Killed)";
  EXPECT_EQ(failures(false), (std::vector<std::string>{killed, killed}));
  EXPECT_EQ(failures(true), (std::vector<std::string>{killed, ""}));
  expect_calm(1);
}

TEST_F(TwoPlaces, AnExceptionFailsOneTrialAndTheOtherEndsInTheOldTrainer) {
  start("trial 3 throws");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(failures(false), (std::vector<std::string>{"CUDA error", ""}));
    expect_calm(1);
  }
}

TEST_F(ProcessRunnerTest, WhatTheSetUpSaysIsThrownHere) {
  try {
    runner("bad input");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.subject(), "train-images");
    EXPECT_EQ(error.reason(), "is not there");
  }
  const std::map<std::string, std::string> reasons{{"no device", "no device"},
                                                   {"die early", "trainer process killed by signal 6 (Aborted)"}};
  for (const auto& [how, reason] : reasons) {
    try {
      runner(how);
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), reason);
    }
  }
}

TEST_F(ProcessRunnerTest, AnUnfitNewTrainerIsNoFaultOfTheTrial) {
  const TemporaryFolder folder;
  ProcessRunner trainer({sweep.text, "fake.json", folder.file("used"), "once", 0, -1}, {}, {FAKE_TRAINER, {}});
  Diary diary;
  EXPECT_EQ(failure(trainer, trial, diary), "CUDA error");
  EXPECT_THROW(trainer.run(trial, std::nullopt, diary), RunnerUnfit);
}

TEST_F(ProcessRunnerTest, AProgramThatCanNotBeStartedIsAnError) {
  try {
    ProcessRunner(TrainerSetup{}, {}, {"/nowhere", {}});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "trainer process ended with exit code 127");
  }
}

}  // namespace
}  // namespace edgesweep
