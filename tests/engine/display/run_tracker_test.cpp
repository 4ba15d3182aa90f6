#include "engine/display/run_tracker.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "engine/base/fault_injection.hpp"
#include "engine/base/file.hpp"
#include "engine/display/progress_file.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

WorkerView running(int worker, std::int64_t trial, std::int64_t records, double seconds_left) {
  return {.worker = worker, .trial = trial, .attempt = 1, .step = 10 * records, .records = records,
          .size = {1, 200, 12}, .seconds_left = seconds_left};
}

TEST(RunTracker, KnowsSinceWhenAWorkerRunsItsTrial) {
  RunTracker tracker(100, {1, 2});
  RunNow run = tracker.observe(101, {}, {running(1, 7, 0, 50), {.worker = 2, .waits = true}});
  EXPECT_EQ(run.elapsed_seconds, 1);
  EXPECT_EQ(run.workers.at(0).seconds, 0);
  EXPECT_EQ(run.workers.at(1).seconds, 1) << "idle since the start";
  run = tracker.observe(111, {}, {running(1, 7, 1, 40), {.worker = 2, .waits = true}});
  EXPECT_EQ(run.workers.at(0).seconds, 10);
  run = tracker.observe(112, {}, {running(1, 8, 0, 50), running(2, 9, 0, 50)});
  EXPECT_EQ(run.workers.at(0).seconds, 0) << "another trial";
  WorkerView again = running(1, 8, 0, 50);
  again.attempt = 2;
  tracker.observe(120, {}, {running(1, 8, 0, 50), running(2, 9, 0, 50)});
  EXPECT_EQ(tracker.observe(130, {}, {again, running(2, 9, 0, 50)}).workers.at(0).seconds, 0) << "another attempt";
}

TEST(RunTracker, KeepsLostWorkersInSight) {
  RunTracker tracker(0, {1, 2});
  tracker.observe(1, {}, {running(1, 7, 0, 5), running(2, 8, 0, 5)});
  tracker.observe(2, {}, {running(1, 7, 0, 5)});
  const RunNow run = tracker.observe(5, {}, {running(1, 7, 0, 5)});
  ASSERT_EQ(run.workers.size(), 2U);
  EXPECT_FALSE(run.workers[0].lost);
  EXPECT_TRUE(run.workers[1].lost);
  EXPECT_EQ(run.workers[1].seconds, 3);
}

TEST(RunTracker, TimeLeftGoesDownBetweenRecords) {
  RunTracker tracker(0, {1, 2});
  const Progress progress{.waiting_seconds = 100};
  EXPECT_FALSE(tracker.observe(0, progress, {running(1, 7, 3, 60)}).seconds_left) << "nothing measured";
  Progress measured = progress;
  measured.has_measured_costs = true;
  EXPECT_EQ(tracker.observe(10, measured, {running(1, 7, 3, 60), running(2, 8, 0, 50)}).seconds_left, (100 + 50 + 50) / 2);
  measured.waiting_seconds = 0;
  const RunNow run = tracker.observe(30, measured, {running(1, 7, 3, 60), running(2, 8, 0, 50)});
  EXPECT_EQ(run.seconds_left, 30) << "what runs is the longest";
  EXPECT_EQ(run.workers.at(1).seconds_left, 30);
  EXPECT_EQ(tracker.observe(300, measured, {running(1, 7, 3, 60)}).seconds_left, 0) << "late, but not negative";
}

TEST(RunTracker, RatesAreOfRecordsAndOfTrialsThatEnded) {
  RunTracker tracker(0, {1});
  tracker.observe(0, {.done = 5, .records = 0}, {});
  const RunNow run = tracker.observe(10, {.done = 6, .diverged = 1, .records = 40}, {});
  EXPECT_DOUBLE_EQ(*run.records_per_second, 4);
  EXPECT_DOUBLE_EQ(*run.trials_per_hour, 720);
}

class ProgressFileTest : public testing::Test {
 protected:
  void TearDown() override { set_faults(""); }

  RunNow run() {
    RunNow now;
    now.elapsed_seconds = 5;
    now.workers = {{.view = running(1, 7, 3, 60), .seconds = 2.5}, {.view = {.worker = 2}, .lost = true}};
    return now;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("s.h5.progress.json");
  Sweep sweep_ = fake_sweep();
};

TEST_F(ProgressFileTest, HoldsWhatAPersonWantsToKnow) {
  StoreLock lock = StoreLock::acquire(folder_.file("s.h5.lock"), false);
  std::ofstream(path_) << "{\"left\": \"by a killed run\"}";
  {
    ProgressFile file(path_, lock);
    EXPECT_FALSE(std::filesystem::exists(path_));
    file.show(10, sweep_, run());
    const Json json = read_progress(path_);
    ASSERT_TRUE(json.is_object());
    EXPECT_TRUE(json.at("seconds_left").is_null());
    const Json& worker = json.at("workers").at(0);
    const Trial trial = trial_place(sweep_, 7);
    EXPECT_EQ(worker.at("state"), "running");
    EXPECT_EQ(worker.at("batch"), trial.cell.batch);
    EXPECT_EQ(worker.at("seed"), trial.seed);
    EXPECT_EQ(worker.at("records_total"), 12);
    EXPECT_EQ(worker.at("seconds"), 2.5);
    EXPECT_EQ(json.at("workers").at(1).at("state"), "lost");
    RunNow later = run();
    later.elapsed_seconds = 6;
    file.show(11, sweep_, later);
    EXPECT_EQ(read_progress(path_).at("elapsed_seconds"), 5) << "not yet due";
    file.show(12, sweep_, later);
    EXPECT_EQ(read_progress(path_).at("elapsed_seconds"), 6);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ProgressFileTest, IsLeftAloneOnceAnotherRunOwnsTheStore) {
  StoreLock lock = StoreLock::acquire(folder_.file("s.h5.lock"), false);
  {
    ProgressFile file(path_, lock);
    file.show(10, sweep_, run());
    std::ofstream(folder_.file("theirs")) << "another";
    std::filesystem::rename(folder_.file("theirs"), folder_.file("s.h5.lock"));
    std::ofstream(path_) << "another's";
    file.show(20, sweep_, run());
  }
  EXPECT_EQ(read_text_file(path_), "another's");
}

TEST_F(ProgressFileTest, AFullDiskIsNoTroubleAndSaidOnce) {
  StoreLock lock = StoreLock::acquire(folder_.file("s.h5.lock"), false);
  ProgressFile file(path_, lock);
  set_faults("write@progress.json:1-3:ENOSPC");
  testing::internal::CaptureStderr();
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_NO_THROW(file.show(10 + 2 * turn, sweep_, run()));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".partial"));
  file.show(16, sweep_, run());
  EXPECT_TRUE(read_progress(path_).is_object()) << "there is room again";
}

TEST_F(ProgressFileTest, SyncsNothing) {
  StoreLock lock = StoreLock::acquire(folder_.file("s.h5.lock"), false);
  ProgressFile file(path_, lock);
  set_faults("sync:1-:EIO");
  testing::internal::CaptureStderr();
  file.show(10, sweep_, run());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(read_progress(path_).is_object());
}

TEST_F(ProgressFileTest, AnythingElseReadsAsNothing) {
  EXPECT_TRUE(read_progress(path_).is_null());
  Json good = progress_json(sweep_, run(), 1769860800);
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"), std::string("{}"), good.dump().substr(9)}) {
    std::ofstream(path_) << text;
    EXPECT_TRUE(read_progress(path_).is_null()) << text;
  }
  for (const auto& key : {"time", "elapsed_seconds", "workers", "stopping", "seconds_left"}) {
    Json broken = good;
    broken[key] = "soon";
    if (std::string(key) == "time") broken.erase("time");
    std::ofstream(path_) << broken.dump();
    EXPECT_TRUE(read_progress(path_).is_null()) << key;
  }
  good["workers"][0].erase("eta");
  std::ofstream(path_) << good.dump();
  EXPECT_TRUE(read_progress(path_).is_null());
}

}  // namespace
}  // namespace edgesweep
