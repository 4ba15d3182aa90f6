#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <span>

#include "engine/base/error.hpp"
#include "engine/base/fault_injection.hpp"
#include "engine/base/file.hpp"
#include "engine/store/store.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/store/recorded_disk.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

using recorded_disk::disk;
using recorded_disk::Operation;

constexpr const char* kCreated = "2026-01-31T12:00:00Z";

/// Reads every trial: committed records hold their values, and a trial that is done has all of them. Returns the counts.
std::vector<std::int64_t> checked_counts(const StoreReader& reader, const Sweep& sweep) {
  std::vector<std::int64_t> counts;
  for (const Cell& cell : sweep.cells) {
    for (std::size_t seed = 0; seed < sweep.seeds.size(); ++seed) {
      const auto trial = static_cast<std::int64_t>(counts.size());
      const auto seed_index = static_cast<std::int64_t>(seed);
      const TrialState state = reader.state(cell.batch_index, cell.point, seed_index);
      if (state.status == TrialStatus::done) {
        EXPECT_EQ(state.records, reader.max_records()) << "trial " << trial;
      }
      const auto k = reader.values("K", cell.batch_index, cell.point, seed_index);
      const auto top = reader.values("hessian_lambda_max", cell.batch_index, cell.point, seed_index);
      for (std::size_t record = 0; record < k.size(); ++record) {
        EXPECT_EQ(k[record], sample::values(trial, static_cast<std::int64_t>(record))[3]) << trial << " " << record;
      }
      for (std::size_t record = 0; record < top.size() / 2; ++record) {
        EXPECT_EQ(top[2 * record + 1], sample::values(trial, static_cast<std::int64_t>(record))[5])
            << trial << " " << record;
      }
      counts.push_back(state.records);
    }
  }
  return counts;
}

/// Records for all trials in turn, two a commit; `on_commit` is told after each. Every fifth trial starts over once after
/// three records, of which `on_commit` is not told.
void run_sweep(Store& store, const Sweep& sweep, std::int64_t records, const auto& on_commit) {
  for (std::int64_t trial = 0; trial < sample::trials(sweep); ++trial) {
    TrialState state{TrialStatus::running, 0, 1, 0, 0};
    const bool starts_over = trial % 5 == 0;
    for (std::int64_t record = 0; record < records; ++record) {
      store.set_state(trial, state);
      store.write_record(trial, record, sample::values(trial, record));
      if (record == 2 && starts_over && state.attempts == 1) {
        store.commit();
        store.clear_records(trial);
        state.attempts = 2;
        record = -1;
        continue;
      }
      if (record == records - 1) state.status = TrialStatus::done;
      store.set_state(trial, state);
      if (record % 2 == 1) {
        store.commit();
        if (!starts_over || state.attempts == 2) on_commit();
      }
    }
  }
}

/// A process that does `action` and nothing else.
pid_t in_child(const auto& action) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    action();
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

TEST(StoreCrash, KillLosesNothingThatWasCommitted) {
  const Sweep sweep = sample::sweep(40);
  std::mt19937 random(1);
  int stores_seen = 0;
  for (int round = 0; round < 40; ++round) {
    const sample::Folder folder;
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = in_child([&] {
      Store store = Store::create(folder / "s.h5", sweep, kCreated);
      // The parent counts one byte a commit.
      run_sweep(store, sweep, 40, [&] { (void)!write(pipe_ends[1], "x", 1); });
    });
    close(pipe_ends[1]);
    // Half of the kills come after the store was made, however busy the machine is.
    while (round % 2 == 1 && !std::filesystem::exists(folder / "s.h5")) usleep(100);
    usleep(std::uniform_int_distribution<useconds_t>(0, 40'000)(random));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::int64_t commits = 0;
    char byte = 0;
    while (read(pipe_ends[0], &byte, 1) == 1) ++commits;
    close(pipe_ends[0]);

    if (!std::filesystem::exists(folder / "s.h5")) {
      EXPECT_EQ(commits, 0);
      continue;
    }
    ++stores_seen;
    const auto counts = checked_counts(StoreReader(folder / "s.h5"), sweep);
    // 20 commits a trial, 2 records a commit.
    for (std::int64_t trial = 0; trial < commits / 20; ++trial) EXPECT_EQ(counts[static_cast<std::size_t>(trial)], 40);
    if (commits < 20 * sample::trials(sweep)) {
      EXPECT_GE(counts[static_cast<std::size_t>(commits / 20)], 2 * (commits % 20));
    }

    Store resumed = Store::open(folder / "s.h5", sweep);
    for (std::int64_t trial = 0; trial < sample::trials(sweep); ++trial) {
      EXPECT_NE(resumed.state(trial).status, TrialStatus::running);
      EXPECT_EQ(resumed.state(trial).records, counts[static_cast<std::size_t>(trial)]);
    }
  }
  EXPECT_GE(stores_seen, 5);
}

/// What the disk may hold after a power cut following operation `end`: all that was synced, and of each later write any
/// of its 8-byte words.
std::string after_power_cut(std::string content, std::span<const Operation> operations, std::mt19937& random) {
  std::size_t synced = 0;
  for (std::size_t i = 0; i < operations.size(); ++i)
    if (!operations[i].offset) synced = i;
  std::bernoulli_distribution reached_disk(0.5);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (!operations[i].offset) continue;
    for (std::size_t word = 0; word < operations[i].content.size(); word += 8) {
      const std::size_t length = std::min<std::size_t>(8, operations[i].content.size() - word);
      if (i < synced || reached_disk(random))
        std::memcpy(content.data() + static_cast<std::size_t>(*operations[i].offset) + word,
                    operations[i].content.data() + word, length);
    }
  }
  return content;
}

TEST(StoreCrash, PowerCutLosesNothingThatWasCommitted) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep();
  Store store = Store::create(folder / "s.h5", sweep, kCreated);
  const std::string fresh = read_text_file(folder / "s.h5");
  std::vector<std::size_t> commit_ends;
  disk().operations.clear();
  disk().recording = true;
  run_sweep(store, sweep, 6, [&] { commit_ends.push_back(disk().operations.size()); });
  disk().recording = false;
  ASSERT_EQ(commit_ends.size(), 3U * 16U);

  std::mt19937 random(2);
  const std::string path = folder / "cut.h5";
  for (std::size_t end = 0; end <= disk().operations.size(); end += 1 + end % 3) {
    std::ofstream(path, std::ios::binary)
        << after_power_cut(fresh, std::span(disk().operations).first(end), random);
    const auto counts = checked_counts(StoreReader(path), sweep);
    const auto commits = static_cast<std::int64_t>(std::ranges::upper_bound(commit_ends, end) - commit_ends.begin());
    for (std::int64_t trial = 0; trial < commits / 3; ++trial) EXPECT_EQ(counts[static_cast<std::size_t>(trial)], 6);
    if (commits < 48) {
      EXPECT_GE(counts[static_cast<std::size_t>(commits / 3)], 2 * (commits % 3));
    }
  }
}

TEST(StoreCrash, UncommittedValuesOfAnInterruptedTrialGoAway) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep();
  Store store = Store::create(folder / "s.h5", sweep, kCreated);
  store.write_record(0, 0, sample::values(0, 0));
  store.set_state(0, {TrialStatus::running, 0, 1, 0, 0});
  store.commit();
  store.write_record(0, 1, sample::values(0, 1));
  // The values reach the disk, their count does not.
  set_faults("sync:1:EIO");
  EXPECT_THROW(store.commit(), SystemError);
  set_faults("");

  Store resumed = Store::open(folder / "s.h5", sweep);
  EXPECT_EQ(resumed.state(0).records, 1);
  resumed.set_state(0, {TrialStatus::diverged, 0, 2, 1, 0});
  resumed.close();
  const std::string content = read_text_file(folder / "s.h5");
  const double lost = sample::values(0, 1)[3];
  EXPECT_EQ(content.find(std::string(reinterpret_cast<const char*>(&lost), sizeof lost)), std::string::npos);
}

TEST(StoreCrash, AFailedCommitCanBeTriedAgain) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep();
  // The 11 writes of a commit of one trial: status; five columns; four counts; status.
  for (int call = 1; call <= 11; ++call) {
    for (const std::string kind : {"write:", "sync:"}) {
      if (kind == "sync:" && call > 4) continue;  // it has four
      const std::string path = folder / (kind + std::to_string(call));
      Store store = Store::create(path, sweep, kCreated);
      for (std::int64_t record = 0; record < 6; ++record) store.write_record(5, record, sample::values(5, record));
      store.set_state(5, {TrialStatus::done, 0, 1, 100, 1});
      set_faults(kind + std::to_string(call) + ":ENOSPC");
      try {
        store.commit();
        ADD_FAILURE() << kind << call << " did not fail";
      } catch (const SystemError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("No space left on device"));
      }
      EXPECT_EQ(store.state(5).records, 0);
      checked_counts(StoreReader(path), sweep);
      store.commit();
      EXPECT_EQ(store.state(5).records, 6);
      EXPECT_EQ(checked_counts(StoreReader(path), sweep)[5], 6);
    }
  }
}

TEST(StoreCrash, ReadersSeeWholeRecordsWhileAnotherProcessWrites) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep(12);
  Store store = Store::create(folder / "s.h5", sweep, kCreated);
  const pid_t child = in_child([&] {
    run_sweep(store, sweep, 12, [] {});
    store.close();
  });
  std::int64_t looks = 0;
  while (waitpid(child, nullptr, WNOHANG) == 0) {
    checked_counts(StoreReader(folder / "s.h5"), sweep);
    ++looks;
  }
  EXPECT_GE(looks, 2);
  for (const auto count : checked_counts(StoreReader(folder / "s.h5"), sweep)) EXPECT_EQ(count, 12);
}

}  // namespace
}  // namespace edgesweep
