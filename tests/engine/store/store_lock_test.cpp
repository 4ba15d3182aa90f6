#include "engine/store/store_lock.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/store/paths.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void leave_lock(const std::string& path, const LockOwner& owner) { std::ofstream(path) << owner.to_json().dump(); }

std::string refusal(const std::string& path, bool take_over = false) {
  try {
    StoreLock::acquire(path, take_over);
  } catch (const InputError& error) {
    return error.what();
  }
  return "taken";
}

/// A process that has ended and been waited for.
pid_t dead_process() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return child;
}

TEST(StoreLock, IsAFileThatNamesItsOwnerAndGoesWithIt) {
  const sample::Folder folder;
  {
    const StoreLock lock = StoreLock::acquire(folder / "lock", false);
    EXPECT_TRUE(lock.held());
    EXPECT_THAT(folder.names(), ElementsAre("lock"));
    const Json owner = Json::parse(read_text_file(folder / "lock"));
    char host[256] = "";
    gethostname(host, sizeof host);
    EXPECT_EQ(owner.at("host"), host);
    EXPECT_EQ(owner.at("pid"), getpid());
    EXPECT_GT(owner.at("start_time").get<std::int64_t>(), 0);
    EXPECT_EQ(owner.at("boot").get<std::string>().size(), 36U);
  }
  EXPECT_THAT(folder.names(), ElementsAre());
}

TEST(StoreLock, OfALivingProcessIsRefusedByHostAndPid) {
  const sample::Folder folder;
  const StoreLock lock = StoreLock::acquire(folder / "lock", false);
  EXPECT_THAT(refusal(folder / "lock"), HasSubstr("process " + std::to_string(getpid()) + " on host " + LockOwner::self().host));
  EXPECT_THAT(refusal(folder / "lock", true), HasSubstr("end it first"));
  EXPECT_TRUE(lock.held());
  EXPECT_THAT(folder.names(), ElementsAre("lock"));
}

TEST(StoreLock, OfADeadProcessIsTakenOver) {
  const sample::Folder folder;
  LockOwner owner = LockOwner::self();
  owner.pid = dead_process();
  leave_lock(folder / "lock", owner);
  const StoreLock lock = StoreLock::acquire(folder / "lock", false);
  EXPECT_TRUE(lock.held());
  EXPECT_EQ(Json::parse(read_text_file(folder / "lock")).at("pid"), getpid());
}

TEST(StoreLock, OfAZombieIsTakenOver) {
  const sample::Folder folder;
  const pid_t child = fork();
  if (child == 0) pause();
  LockOwner owner = LockOwner::self();
  owner.pid = child;
  std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
  std::string field;
  for (int i = 0; i < 22; ++i) stat >> field;
  owner.start_time = std::stoll(field);
  leave_lock(folder / "lock", owner);
  EXPECT_EQ(owner_fate(owner), OwnerFate::alive);
  kill(child, SIGKILL);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_EQ(owner_fate(owner), OwnerFate::dead);
  EXPECT_EQ(refusal(folder / "lock"), "taken");
  waitpid(child, nullptr, 0);
}

TEST(StoreLock, OfAnEarlierProcessOfTheSamePidIsTakenOver) {
  const sample::Folder folder;
  LockOwner owner = LockOwner::self();
  owner.start_time -= 1;
  leave_lock(folder / "lock", owner);
  EXPECT_EQ(refusal(folder / "lock"), "taken");
}

TEST(StoreLock, FromBeforeARebootIsTakenOver) {
  const sample::Folder folder;
  LockOwner owner = LockOwner::self();
  owner.boot = "00000000-0000-0000-0000-000000000000";
  leave_lock(folder / "lock", owner);
  EXPECT_EQ(refusal(folder / "lock"), "taken");
}

TEST(StoreLock, OfAnotherMachineOrContainerNeedsTakeOver) {
  const sample::Folder folder;
  LockOwner other_host = LockOwner::self();
  other_host.host = "node17";
  LockOwner same_name = LockOwner::self();
  same_name.machine = "another machine of the same name";
  same_name.boot = "its boot";
  LockOwner container = LockOwner::self();
  container.pid_namespace = "pid:[1]";
  for (const LockOwner& owner : {other_host, same_name, container}) {
    leave_lock(folder / "lock", owner);
    EXPECT_THAT(refusal(folder / "lock"), HasSubstr("--take-over"));
    EXPECT_THAT(refusal(folder / "lock"), HasSubstr(owner.host));
    EXPECT_EQ(refusal(folder / "lock", true), "taken");
  }
}

TEST(StoreLock, ThatIsDamagedNeedsTakeOver) {
  const sample::Folder folder;
  for (const char* text : {"", "{", "{\"host\": 3}", "[]"}) {
    std::ofstream(folder / "lock") << text;
    EXPECT_THAT(refusal(folder / "lock"), HasSubstr("damaged"));
    EXPECT_EQ(refusal(folder / "lock", true), "taken");
  }
}

TEST(StoreLock, SaysHowItWasLost) {
  const sample::Folder folder;
  const StoreLock lock = StoreLock::acquire(folder / "lock", false);
  EXPECT_EQ(lock.loss(), "");
  std::filesystem::rename(folder / "lock", folder / "aside");
  EXPECT_THAT(lock.loss(), HasSubstr("was removed"));
  LockOwner other = LockOwner::self();
  other.host = "node17";
  other.pid = 4711;
  leave_lock(folder / "lock", other);
  EXPECT_THAT(lock.loss(), HasSubstr("was taken over by process 4711 on host node17"));
}

TEST(StoreLock, IsNotTakenForALaterOneOfTheSameInodeNumber) {
  const sample::Folder folder;
  const StoreLock lock = StoreLock::acquire(folder / "lock", false);
  std::filesystem::remove(folder / "lock");
  // File systems give a freed inode number to the next file.
  for (int i = 0; i < 100; ++i) {
    leave_lock(folder / "lock", LockOwner::self());
    EXPECT_FALSE(lock.held());
    std::filesystem::remove(folder / "lock");
  }
}

TEST(StoreLock, IsNotRemovedWhileAnotherProcessTakesItOver) {
  const sample::Folder folder;
  std::optional<StoreLock> lock(StoreLock::acquire(folder / "lock", false));
  // What a taker does between its judgement and its rename.
  const int taker = open((folder / "lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(taker, LOCK_EX | LOCK_NB), 0);
  std::thread rename_late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    leave_lock(folder / "new", LockOwner::self());
    std::filesystem::rename(folder / "new", folder / "lock");
    close(taker);
  });
  lock.reset();
  EXPECT_TRUE(std::filesystem::exists(folder / "lock"));
  rename_late.join();
}

TEST(StoreLock, IsNotTakenOverInTheMiddleOfAWrite) {
  const sample::Folder folder;
  const StoreLock lock = StoreLock::acquire(folder / "lock", false);
  LockOwner elsewhere = LockOwner::self();
  elsewhere.host = "node17";
  leave_lock(folder / "lock", elsewhere);  // in place: still this lock's file
  lock.begin_write();
  ASSERT_TRUE(lock.held());
  std::atomic<bool> writing = true;
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    writing = false;
    lock.end_write();
  });
  const StoreLock next = StoreLock::acquire(folder / "lock", true);
  EXPECT_FALSE(writing);
  EXPECT_FALSE(lock.held());
  EXPECT_TRUE(next.held());
  writer.join();
}

TEST(StoreLock, OfANamesakeWithoutMachineIdNeedsTakeOver) {
  LockOwner owner = LockOwner::self();
  owner.machine = "";
  owner.boot = "its boot";
  EXPECT_EQ(owner_fate(owner), OwnerFate::unknown);
}

TEST(StoreLock, OfAStoreBehindALinkIsThatOfTheStore) {
  const sample::Folder folder;
  std::filesystem::create_directory(folder / "scratch");
  std::ofstream(folder / "scratch/real.h5") << "x";
  std::filesystem::create_symlink(folder / "scratch/real.h5", folder / "link.h5");
  EXPECT_EQ(StorePaths{folder / "link.h5"}.lock(), StorePaths{folder / "scratch/real.h5"}.lock());
}

TEST(StoreLock, ThatWasTakenOverIsLeftAlone) {
  const sample::Folder folder;
  std::optional<StoreLock> old_owner(StoreLock::acquire(folder / "lock", false));
  std::filesystem::rename(folder / "lock", folder / "gone");
  leave_lock(folder / "lock", LockOwner::self());
  EXPECT_FALSE(old_owner->held());
  old_owner.reset();
  EXPECT_TRUE(std::filesystem::exists(folder / "lock"));
}

TEST(StoreLock, TakesAwayWhatProcessesKilledInTheMiddleOfTakingItHaveLeft) {
  const sample::Folder folder;
  LockOwner dead = LockOwner::self();
  dead.pid = dead_process();
  LockOwner elsewhere = dead;
  elsewhere.host = "elsewhere";
  leave_lock(folder / "lock.here.1.aaaaaa", dead);
  leave_lock(folder / "lock.here.2.bbbbbb", LockOwner::self());
  leave_lock(folder / "lock.elsewhere.1.cccccc", elsewhere);
  std::ofstream(folder / "lock.here.3.dddddd") << "";
  std::ofstream(folder / "lock.here.4.eeeeee") << "";
  using std::filesystem::file_time_type;
  std::filesystem::last_write_time(folder / "lock.here.4.eeeeee", file_time_type::clock::now() - std::chrono::minutes(2));
  const StoreLock lock = StoreLock::acquire(folder / "lock", false);
  EXPECT_THAT(folder.names(), testing::UnorderedElementsAre("lock", "lock.here.2.bbbbbb", "lock.elsewhere.1.cccccc", "lock.here.3.dddddd"));
}

TEST(StoreLock, MovesWithItsOwner) {
  const sample::Folder folder;
  StoreLock first = StoreLock::acquire(folder / "lock", false);
  {
    const StoreLock second = std::move(first);
    EXPECT_TRUE(second.held());
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "lock"));
}

TEST(StoreLock, OfTheParentOutlivesAForkedChild) {
  const sample::Folder folder;
  std::optional<StoreLock> lock(StoreLock::acquire(folder / "lock", false));
  const pid_t child = fork();
  if (child == 0) {
    lock.reset();
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(lock->held());
}

TEST(StoreLock, OfADeadProcessGoesToOneOfManyTakers) {
  constexpr int kTakers = 16;
  for (int round = 0; round < 20; ++round) {
    const sample::Folder folder;
    LockOwner owner = LockOwner::self();
    owner.pid = dead_process();
    leave_lock(folder / "lock", owner);
    // Takers start together when `start` closes; winners keep the lock until `finish` closes.
    int start[2], finish[2], result[2];
    ASSERT_EQ(pipe(start) + pipe(finish) + pipe(result), 0);
    std::vector<pid_t> takers;
    for (int taker = 0; taker < kTakers; ++taker) {
      takers.push_back(fork());
      if (takers.back() == 0) {
        close(start[1]);
        close(finish[1]);
        char byte = 0;
        (void)!read(start[0], &byte, 1);
        try {
          const StoreLock lock = StoreLock::acquire(folder / "lock", false);
          (void)!write(result[1], lock.held() ? "1" : "?", 1);
          (void)!read(finish[0], &byte, 1);
        } catch (const InputError&) {
          (void)!write(result[1], "0", 1);
        }
        _exit(0);
      }
    }
    close(start[1]);
    std::string answers(kTakers, ' ');
    for (char& answer : answers) ASSERT_EQ(read(result[0], &answer, 1), 1);
    close(finish[1]);
    for (const pid_t taker : takers) waitpid(taker, nullptr, 0);
    for (const int end : {start[0], finish[0], result[0], result[1]}) close(end);
    EXPECT_EQ(std::count(answers.begin(), answers.end(), '1'), 1) << answers;
    EXPECT_EQ(std::count(answers.begin(), answers.end(), '0'), kTakers - 1) << answers;
  }
}

}  // namespace
}  // namespace edgesweep
