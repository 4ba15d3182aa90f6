#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/store/store.hpp"
#include "engine/store/table_file.hpp"
#include "tests/engine/store/recorded_disk.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

/// A disk of 256 KiB, seen by this process alone.
bool mount_small_disk(const std::string& where) {
  if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0) return false;
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("none", where.c_str(), "tmpfs", 0, "size=256k") == 0;
}

/// Runs in a child. 0: creation throws SystemError and leaves nothing, and a smaller store still fits afterwards.
int fill_the_disk(const std::string& directory) {
  // Where no disk can be mounted, the largest file size stands in for its size.
  if (!mount_small_disk(directory)) {
    const rlimit limit{256 << 10, 256 << 10};
    std::signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
  }
  Sweep large = sample::sweep(5000);
  for (Cell& cell : large.cells) cell.steps = 1'000'000;
  try {
    Store::create(directory + "/s.h5", large, "2026-01-31T12:00:00Z");
    return 2;
  } catch (const SystemError&) {
  }
  if (!std::filesystem::is_empty(directory)) return 3;

  TableFile table{.dimensions = {{"x", 100'000}}, .variables = {}, .attributes = {}, .coordinates = {}};
  try {
    write_table_file(directory + "/t.nc", table);
    return 4;
  } catch (const SystemError&) {
  }
  if (!std::filesystem::is_empty(directory)) return 5;
  Store::create(directory + "/s.h5", sample::sweep(), "2026-01-31T12:00:00Z").close();
  return 0;
}

int result_in_child(bool can_reserve) {
  const sample::Folder folder;
  std::filesystem::create_directory(folder / "disk");
  const pid_t child = fork();
  if (child == 0) {
    recorded_disk::disk().can_reserve = can_reserve;
    int result = 9;
    try {
      result = fill_the_disk(folder / "disk");
    } catch (const std::exception&) {
    }
    // exit, not _exit: HDF5's own clean-up has to survive the failure too.
    exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(FullDisk, IsFoundBeforeTheStoreIsMade) { EXPECT_EQ(result_in_child(true), 0); }

TEST(FullDisk, IsFoundWhileTheStoreIsMadeWhereSpaceCannotBeReserved) { EXPECT_EQ(result_in_child(false), 0); }

}  // namespace
}  // namespace edgesweep
