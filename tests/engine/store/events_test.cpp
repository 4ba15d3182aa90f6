#include "engine/store/events.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "engine/base/file.hpp"
#include "engine/store/paths.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

TEST(EventLog, AppendsOneLineAnEvent) {
  const sample::Folder folder;
  const std::string path = folder / "e.jsonl";
  EXPECT_TRUE(read_events(path).empty());
  EventLog(path).write({.name = "resumed"});
  EventLog log(path);
  log.write({.name = "failed", .trial = 3, .rank = 1, .step = 40, .records = 2, .reason = "bad\nbytes \xff"});
  log.sync();
  const auto events = read_events(path);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].at("event"), "resumed");
  EXPECT_EQ(events[0].at("time").get<std::string>().size(), 20U);
  EXPECT_FALSE(events[0].contains("trial"));
  EXPECT_EQ(events[1].at("trial"), 3);
  EXPECT_EQ(events[1].at("rank"), 1);
  EXPECT_EQ(events[1].at("step"), 40);
  EXPECT_EQ(events[1].at("records"), 2);
  EXPECT_EQ(events[1].at("reason"), "bad\nbytes \xef\xbf\xbd");
}

TEST(EventLog, GoesOnAfterATornLine) {
  const sample::Folder folder;
  const std::string path = folder / "e.jsonl";
  EventLog(path).write({.name = "assigned"});
  std::ofstream(path, std::ios::app) << "{\"time\": \"2026";
  EXPECT_EQ(read_events(path).size(), 1U);
  EventLog(path).write({.name = "finished"});
  const auto events = read_events(path);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].at("event"), "finished");
}

TEST(EventLog, GivesTheEventsOfSomeNames) {
  const sample::Folder folder;
  const std::string path = folder / "e.jsonl";
  EventLog log(path);
  log.write({.name = "assigned", .trial = 1});
  log.write({.name = "failed", .trial = 1, .reason = "said \"event\":\"stopped\""});
  std::ofstream(path, std::ios::app) << "{ \"event\": \"stopped\" }\n[\"event\"]\n{\"event\":3}\n{\"event\":\"failed\"";
  const auto events = read_events(path, {"failed", "stopped"});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].at("trial"), 1);
  EXPECT_EQ(events[1].at("event"), "stopped");
}

TEST(StorePaths, LieBesideTheStore) {
  const StorePaths paths{"dir/s.h5"};
  Trial trial;
  trial.cell = {.batch_index = 1, .point = 12, .batch = 64, .eta = 0.1, .steps = 10};
  trial.seed = 5;
  EXPECT_EQ(paths.events(), "dir/s.h5.events.jsonl");
  EXPECT_EQ(paths.lock(), "dir/s.h5.lock");
  EXPECT_EQ(paths.progress(), "dir/s.h5.progress.json");
  EXPECT_EQ(paths.checkpoint(trial), "dir/s.h5.checkpoints/b64-p12-s5.ckpt");
  EXPECT_EQ(paths.parameters(trial, {}), "dir/s.h5.parameters/b64-p12-s5.pt");
  EXPECT_EQ(paths.parameters(trial, 3), "dir/s.h5.parameters/b64-p12-s5-r3.pt");
}

}  // namespace
}  // namespace edgesweep
