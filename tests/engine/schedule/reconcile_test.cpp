#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <map>

#include "engine/base/signals.hpp"
#include "engine/schedule/coordinator.hpp"
#include "engine/schedule/local_transport.hpp"
#include "engine/schedule/worker_loop.hpp"
#include "engine/store/hdf5.hpp"
#include "tests/engine/schedule/fakes.hpp"

// A store and the checkpoints beside it, one of them from earlier than the other: the sweep ends as an undisturbed one.
namespace edgesweep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCreated = "2026-01-31T12:00:00Z";
constexpr std::int64_t kSteps = 200;

/// One run of the sweep, as `edgesweep run --resume` without mpirun, stopped after `most_steps` of all trials if it comes so
/// far. Returns the steps that it trained.
std::int64_t run_here(const Sweep& sweep, const std::string& path, std::int64_t most_steps = 1'000'000) {
  set_stop_signal(0);
  Store store = fs::exists(path) ? Store::open(path, sweep) : Store::create(path, sweep, kCreated);
  EventLog events(StorePaths{path}.events());
  Coordinator coordinator(sweep, store, events, CostModel(sweep, FakeCatalog()), {LocalTransport::kWorker});
  LocalTransport transport(coordinator, [](double) {});
  std::int64_t steps = 0;
  FakeRunner runner([&](const Trial&, std::int64_t) {
    if (steps == most_steps) {
      set_stop_signal(SIGTERM);  // the trial checkpoints instead of taking the step
      return;
    }
    ++steps;
  });
  run_worker(sweep, runner, transport, {{path}, 300});
  store.close();
  set_stop_signal(0);
  return steps;
}

/// The bits of all datasets but for how long and how often trials were tried.
std::map<std::string, std::vector<std::uint64_t>> bits_of(const std::string& path) {
  const hdf5::Reader file(path);
  std::map<std::string, std::vector<std::uint64_t>> bits;
  for (const std::string& name : file.datasets()) {
    if (name == "wall_seconds" || name == "attempts") continue;
    auto& mine = bits[name];
    if (file.info(name).floating_point)
      for (const double value : file.reals(name)) mine.push_back(std::bit_cast<std::uint64_t>(value));
    else
      for (const std::int64_t value : file.integers(name)) mine.push_back(static_cast<std::uint64_t>(value));
  }
  return bits;
}

/// The store, its journal and its checkpoints, and copies of them from some moment.
class Reconcile : public testing::Test {
 protected:
  Reconcile() {
    run_here(sweep, whole);
    EXPECT_EQ(bits_of(whole)["status"].size(), 18U);
  }
  ~Reconcile() override { set_stop_signal(0); }

  void keep_store() { fs::copy_file(path, early, fs::copy_options::overwrite_existing); }
  /// In place, as after a power cut whose disk lost what was not synced.
  void put_store_back() { fs::copy_file(early, path, fs::copy_options::overwrite_existing); }
  void keep_checkpoints() { fs::copy(paths.checkpoint_directory(), early_checkpoints, fs::copy_options::recursive); }
  void put_checkpoints_back() {
    fs::remove_all(paths.checkpoint_directory());
    fs::rename(early_checkpoints, paths.checkpoint_directory());
  }
  std::vector<std::string> checkpoints(const std::string& ending) const {
    std::vector<std::string> found;
    if (!fs::exists(paths.checkpoint_directory())) return found;
    for (const auto& entry : fs::directory_iterator(paths.checkpoint_directory()))
      if (entry.path().string().ends_with(ending)) found.push_back(entry.path());
    return found;
  }
  static void tear(const std::string& file) { fs::resize_file(file, fs::file_size(file) - 20); }

  /// Runs to the end; the store is that of an undisturbed sweep, and no checkpoint is left. Returns the steps trained.
  std::int64_t finish() {
    const std::int64_t steps = run_here(sweep, path);
    EXPECT_EQ(bits_of(path), bits_of(whole));
    EXPECT_TRUE(checkpoints("").empty());
    return steps;
  }
  std::int64_t events(const std::string& name) const {
    const auto all = read_events(paths.events());
    return std::ranges::count_if(all, [&](const Json& event) { return event.at("event") == name; });
  }

  TemporaryFolder folder;
  Sweep sweep = fake_sweep(kSteps);
  std::string whole = folder.file("whole.h5"), path = folder.file("s.h5"), early = folder.file("early.h5");
  std::string early_checkpoints = folder.file("early.checkpoints");
  StorePaths paths{path};
  std::int64_t all_steps = 12 * kSteps + 6 * kSteps / 2;  ///< two of three learning rates; the third diverges halfway
};

TEST_F(Reconcile, AnOlderStoreWithANewerCheckpointLosesNoStep) {
  run_here(sweep, path, 50);
  keep_store();
  run_here(sweep, path, 60);
  put_store_back();
  EXPECT_EQ(finish(), all_steps - 110);
  EXPECT_EQ(events("resumed"), 2);
}

TEST_F(Reconcile, AnOlderCheckpointWithANewerStoreTrainsTheStepsBetweenAgain) {
  run_here(sweep, path, 50);
  keep_checkpoints();
  run_here(sweep, path, 60);
  put_checkpoints_back();
  EXPECT_EQ(finish(), all_steps - 50);
}

TEST_F(Reconcile, AMissingCheckpointMeansFromTheFirstStep) {
  run_here(sweep, path, 130);
  fs::remove_all(paths.checkpoint_directory());
  EXPECT_EQ(finish(), all_steps);
}

TEST_F(Reconcile, TornCheckpointsMeanFromTheFirstStep) {
  run_here(sweep, path, 50);
  run_here(sweep, path, 60);
  ASSERT_EQ(checkpoints(".ckpt").size(), 1U);
  ASSERT_EQ(checkpoints(".old").size(), 1U);
  tear(checkpoints(".ckpt")[0]);
  tear(checkpoints(".old")[0]);
  EXPECT_EQ(finish(), all_steps);
  EXPECT_EQ(events("resumed"), 1);  // of the second run
}

TEST_F(Reconcile, ATornCheckpointMeansTheOneBefore) {
  run_here(sweep, path, 50);
  run_here(sweep, path, 60);
  tear(checkpoints(".ckpt")[0]);
  EXPECT_EQ(finish(), all_steps - 50);
  EXPECT_EQ(events("resumed"), 2);
}

TEST_F(Reconcile, ACheckpointOfAnotherTrialIsPassedOver) {
  run_here(sweep, path, 130);
  ASSERT_EQ(checkpoints(".ckpt").size(), 1U);
  const std::string mine = checkpoints(".ckpt")[0];
  const Trial other = make_trial(sweep, 0);
  ASSERT_NE(paths.checkpoint(other), mine);
  fs::rename(mine, paths.checkpoint(other));
  EXPECT_EQ(finish(), all_steps);
}

TEST_F(Reconcile, ACheckpointOfATrialThatIsDoneGoesAway) {
  run_here(sweep, path, kSteps + 50);
  keep_checkpoints();
  run_here(sweep, path);
  put_checkpoints_back();
  ASSERT_FALSE(checkpoints("").empty());
  EXPECT_EQ(finish(), 0);
  EXPECT_EQ(events("finished"), 18);
}

TEST_F(Reconcile, AStoreOlderByWholeTrialsTrainsThemAgain) {
  run_here(sweep, path, 50);
  keep_store();
  run_here(sweep, path, 5 * kSteps);  // ends several trials, and removes their checkpoints
  put_store_back();
  const std::int64_t steps = finish();
  EXPECT_GT(steps, all_steps - 5 * kSteps - 50);
  EXPECT_LE(steps, all_steps);
}

TEST_F(Reconcile, AStoreNewerByWholeTrialsKeepsThem) {
  run_here(sweep, path, 50);
  keep_checkpoints();
  run_here(sweep, path, 5 * kSteps);
  put_checkpoints_back();
  // What was under way by then starts over; what was done stays done.
  const std::int64_t steps = finish();
  EXPECT_LE(steps, all_steps - 50 - 5 * kSteps + kSteps);
}

TEST_F(Reconcile, AFreshStoreWithCheckpointsOfAnEarlierOneGoesOnFromThem) {
  run_here(sweep, path, 130);
  fs::remove(path);
  EXPECT_EQ(finish(), all_steps - 130);
}

TEST_F(Reconcile, NothingIsRecordedTwice) {
  run_here(sweep, path, 50);
  keep_store();
  run_here(sweep, path, 90);
  put_store_back();
  finish();
  const hdf5::Reader file(path);
  const auto steps = file.reals("step");
  const auto records = file.integers("records");
  const std::size_t most = file.integers("record").size();
  for (std::size_t trial = 0; trial < records.size(); ++trial)
    for (std::size_t record = 1; record < static_cast<std::size_t>(records[trial]); ++record)
      EXPECT_LT(steps[trial * most + record - 1], steps[trial * most + record]) << trial;
}

TEST_F(Reconcile, AnyMomentOfEitherIsReconciled) {
  // Stores and checkpoints of every 90th step, in all pairs, the same sweep going on.
  std::vector<std::pair<std::string, std::string>> moments;
  for (int moment = 0; moment < 5; ++moment) {
    run_here(sweep, path, 90 + 37 * moment);
    const std::string name = folder.file("moment" + std::to_string(moment));
    fs::copy_file(path, name + ".h5");
    fs::copy(paths.checkpoint_directory(), name + ".checkpoints", fs::copy_options::recursive);
    moments.emplace_back(name + ".h5", name + ".checkpoints");
  }
  for (const auto& [store, unused] : moments)
    for (const auto& [ignored, checkpoint_folder] : moments) {
      fs::copy_file(store, path, fs::copy_options::overwrite_existing);
      fs::remove_all(paths.checkpoint_directory());
      fs::copy(checkpoint_folder, paths.checkpoint_directory(), fs::copy_options::recursive);
      finish();
      EXPECT_FALSE(HasFailure()) << store << " with " << checkpoint_folder;
    }
}

}  // namespace
}  // namespace edgesweep
