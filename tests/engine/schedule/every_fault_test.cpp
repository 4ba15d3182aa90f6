// A whole small sweep, with its store, journal, checkpoints and parameter files, that is killed or meets an error at each of its
// writes, syncs and renames in turn: whatever it was, resuming gives the bits of an undisturbed run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "engine/base/fault_injection.hpp"
#include "engine/base/file.hpp"
#include "engine/schedule/coordinator.hpp"
#include "engine/schedule/local_transport.hpp"
#include "engine/schedule/worker_loop.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

constexpr int kGaveUp = 1;  ///< exit code of a child whose run threw SystemError

/// Four trials of four steps; one diverges.
Sweep small_sweep() {
  const Json file = {{"name", "fake"},
                     {"experiment", Json::object()},
                     {"grid", {{{"batch", {1, 10}}, {"eta", {0.5, 8.0}}, {"steps", 4}}}},
                     {"records", {{"count", 3}, {"spacing", "linear"}}},
                     {"measure", Json::object()},
                     {"keep_parameters", "final"}};
  return parse_sweep(file.dump(), "fake.json", FakeCatalog());
}

/// Runs the sweep or goes on with it, a checkpoint before every step.
ExitCode run_here(const Sweep& sweep, const std::string& path, double patience) {
  Store store = std::filesystem::exists(path) ? Store::open(path, sweep) : Store::create(path, sweep, "2026-01-31T12:00:00Z");
  EventLog events(StorePaths{path}.events());
  Coordinator coordinator(sweep, store, events, CostModel(sweep, FakeCatalog()), {LocalTransport::kWorker}, patience);
  LocalTransport transport(coordinator, [](double) {});
  FakeRunner runner;
  run_worker(sweep, runner, transport, {{path}, 0, patience});
  store.close();
  return coordinator.exit_code();
}

/// The same in a child that meets `faults`; how it ended, as waitpid tells.
int run_in_child(const Sweep& sweep, const std::string& path, const std::string& faults, double patience) {
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);  // warnings of hundreds of faults
    try {
      set_faults(faults);
      _exit(static_cast<int>(run_here(sweep, path, patience)));
    } catch (const SystemError&) {
      _exit(kGaveUp);
    } catch (...) {
      std::abort();  // nothing of a child goes on with the tests
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

/// All that a sweep leaves for people, but for the journal and the columns that tell of attempts.
struct Result {
  std::vector<std::vector<double>> values;
  std::vector<TrialStatus> states;
  std::vector<std::int64_t> steps;
  std::map<std::string, std::string> files;  ///< parameter files
  bool operator==(const Result&) const = default;
};

Result result_of(const Sweep& sweep, const std::string& path) {
  const StoreReader store(path);
  Result result;
  for (std::int64_t index = 0; index < sweep.trial_count(); ++index) {
    const Trial trial = trial_place(sweep, index);
    const auto& cell = trial.cell;
    const TrialState state = store.state(cell.batch_index, cell.point, trial.seed_index);
    result.states.push_back(state.status);
    result.steps.push_back(state.steps);
    for (const char* column : {"step", "samples", "learning_rate", "train_loss"}) {
      result.values.push_back(store.values(column, cell.batch_index, cell.point, trial.seed_index));
    }
    const std::string parameters = StorePaths{path}.parameters(trial, std::nullopt);
    result.files[std::filesystem::path(parameters).filename()] = read_text_file(parameters);
  }
  return result;
}

bool killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

/// In memory: a process that is killed loses nothing that it wrote, and syncs cost nothing.
struct EveryFault : testing::TestWithParam<const char*> {
  EveryFault() { run_here(sweep, whole, 0); }

  int run_once(const std::string& fault, double patience) const { return run_in_child(sweep, path, fault, patience); }

  void remove_all() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().filename().string().starts_with("met.h5")) std::filesystem::remove_all(entry.path());
    }
  }

  /// Half-written files apart, which the program removes when it begins.
  std::vector<std::string> checkpoints_left() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(StorePaths{path}.checkpoint_directory())) {
      const std::string name = entry.path().filename();
      if (name.find(".partial.") == std::string::npos) names.push_back(name);
    }
    return names;
  }

  /// How many calls of a kind an undisturbed run makes: the first that is not there to be killed at, less one.
  int count_calls(const std::string& call) const {
    int low = 1;
    int high = 1000;
    while (low < high) {
      const int middle = (low + high) / 2;
      const bool there = killed(run_once(call + ":" + std::to_string(middle) + ":kill", 0));
      remove_all();
      (there ? low : high) = there ? middle + 1 : middle;
    }
    return low - 1;
  }

  /// Meets the effect at each call in turn, and after each resumes and compares.
  void meet_each(const std::string& call, const std::string& effect, double patience,
                 const std::function<void(int)>& check_end) const {
    const int calls = count_calls(call);
    EXPECT_GE(calls, 30);
    for (int n = 1; n <= calls && !HasFailure(); ++n) {
      const std::string fault = call + ":" + std::to_string(n) + effect;
      check_end(run_once(fault, patience));
      EXPECT_EQ(run_here(sweep, path, 0), ExitCode::success) << fault;
      EXPECT_EQ(result_of(sweep, path), result_of(sweep, whole)) << fault;
      EXPECT_THAT(checkpoints_left(), testing::IsEmpty()) << fault;
      remove_all();
    }
  }

  const TemporaryFolder folder{"/dev/shm"};
  const Sweep sweep = small_sweep();
  const std::string whole = folder.file("whole.h5");
  const std::string path = folder.file("met.h5");
};

TEST_P(EveryFault, AKillBeforeAnyCallLosesNothing) {
  meet_each(GetParam(), ":kill", 0, [](int status) { EXPECT_TRUE(killed(status)); });
}

TEST_P(EveryFault, ADiskThatFailsFromThenOnEndsTheRunAndLosesNothing) {
  meet_each(GetParam(), "-:EIO", 0, [](int status) { EXPECT_TRUE(WIFEXITED(status)); });
}

TEST_P(EveryFault, ADiskThatIsFullForAMomentIsBorne) {
  meet_each(GetParam(), ":ENOSPC", 60, [](int status) {
    // Code 1 where the store could not even be made.
    EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kGaveUp)) << status;
  });
}

INSTANTIATE_TEST_SUITE_P(Of, EveryFault, testing::Values("write", "sync", "rename"),
                         [](const auto& call) { return std::string(call.param); });

TEST_F(EveryFault, AKillInTheMiddleOfAnyWriteLosesNothing) {
  meet_each("write", ":torn", 0, [](int status) { EXPECT_TRUE(killed(status)); });
}

}  // namespace
}  // namespace edgesweep
