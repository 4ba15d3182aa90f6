#include "engine/base/fault_injection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"

namespace edgesweep {
namespace {

struct Faults : testing::Test {
  ~Faults() override { set_faults(""); }

  static int error_of(FaultPoint point, std::string_view subject) { return injected_fault(point, subject).error; }

  const std::string path = (std::filesystem::temp_directory_path() / ("faults-" + std::to_string(getpid()))).string();
};

TEST_F(Faults, HitTheCountedCallsOfTheirKindAndSubjectAndNoOthers) {
  set_faults("write@.ckpt:2:ENOSPC,sync:2-3:EIO,rename:2-:EROFS");
  const auto four = [](FaultPoint point, std::string_view subject) {
    std::vector<int> errors;
    for (int call = 0; call < 4; ++call) errors.push_back(error_of(point, subject));
    return errors;
  };
  EXPECT_THAT(four(FaultPoint::write, "s.h5"), testing::Each(0));
  EXPECT_THAT(four(FaultPoint::write, "s.h5.checkpoints/b1.ckpt"), testing::ElementsAre(0, ENOSPC, 0, 0));
  EXPECT_THAT(four(FaultPoint::sync, "s.h5"), testing::ElementsAre(0, EIO, EIO, 0));
  EXPECT_THAT(four(FaultPoint::rename, "s.h5"), testing::ElementsAre(0, EROFS, EROFS, EROFS));
  EXPECT_THAT(four(FaultPoint::send, "mpi"), testing::Each(0));
}

TEST_F(Faults, OfTheEnvironmentAreThoseOfTheNamedProcess) {
  setenv("EDGESWEEP_FAULTS", "rank0/write:1:EIO,trainer2/send:1:EPIPE,sync:1:ENOSPC", 1);
  set_faults_from_environment("trainer2");
  unsetenv("EDGESWEEP_FAULTS");
  EXPECT_EQ(error_of(FaultPoint::write, "s.h5"), 0);
  EXPECT_EQ(error_of(FaultPoint::send, "trainer"), EPIPE);
  EXPECT_EQ(error_of(FaultPoint::sync, "s.h5"), ENOSPC);
}

TEST_F(Faults, ThatCanNotBeReadAreNamed) {
  for (const std::string bad : {"write", "write:1", "write:0:EIO", "write:2-1:EIO", "write:x:EIO", "write:1:EFOO",
                                "fly:1:EIO", "sync:1:torn", ":1:EIO", "::", "write:1-2-3:EIO"}) {
    try {
      set_faults("sync:1:EIO," + bad, "EDGESWEEP_FAULTS");
      ADD_FAILURE() << bad;
    } catch (const InputError& error) {
      EXPECT_EQ(error.subject(), "EDGESWEEP_FAULTS");
      EXPECT_THAT(error.reason(), testing::HasSubstr("\"" + bad + "\" is no fault"));
    }
  }
}

TEST_F(Faults, LeaveTheOldFileWhereAnAtomicWriteFails) {
  write_file_atomically(path, std::string_view("old"));
  for (const char* plan : {"write:1:ENOSPC", "sync:1:EIO", "rename:1:EDQUOT"}) {
    set_faults(plan);
    EXPECT_THROW(write_file_atomically(path, std::string_view("new")), SystemError) << plan;
    set_faults("");
    EXPECT_EQ(read_text_file(path), "old") << plan;
    EXPECT_FALSE(std::filesystem::exists(path + ".partial." + std::to_string(getpid()))) << plan;
  }
  std::filesystem::remove(path);
}

TEST_F(Faults, KillInTheMiddleOfAWrite) {
  const pid_t child = fork();
  if (child == 0) {
    set_faults("write:2:torn");
    LineLog log(path);
    log.append("first");
    log.append("second");
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(read_text_file(path), "first\nsec");
  LineLog(path).append("third");
  EXPECT_EQ(read_text_file(path), "first\nsec\nthird\n");
  std::filesystem::remove(path);
}

TEST_F(Faults, ALineAfterOneThatFailedStartsAnew) {
  LineLog log(path);
  set_faults("write:1:ENOSPC");
  EXPECT_THROW(log.append("lost"), SystemError);
  log.append("kept");
  EXPECT_EQ(read_text_file(path), "\nkept\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace edgesweep
