#include "engine/base/log.hpp"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace edgesweep {
namespace {

TEST(Log, LinesGoToStderrWithTheirSeverity) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log_info("one");
  log_warning("two");
  log_error("three");
  log_progress("four");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "edgesweep: one\nedgesweep: warning: two\nedgesweep: error: three\nedgesweep: four\n");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(Log, TheRankIsShownOnceSet) {
  testing::internal::CaptureStderr();
  set_log_rank(3);
  log_info("one");
  set_log_rank(-1);
  log_info("two");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "edgesweep[3]: one\nedgesweep: two\n");
}

/// What `body` writes to stderr when that is a terminal of `columns` columns. A child is given the terminal.
template <typename Body>
std::string written_to_terminal(unsigned short columns, Body body) {
  winsize size{25, columns, 0, 0};
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    body();
    _exit(0);
  }
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = read(terminal, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  waitpid(child, nullptr, 0);
  close(terminal);
  return text;
}

TEST(Log, OnATerminalProgressIsOverwrittenAndClearedBeforeALine) {
  const std::string text = written_to_terminal(80, [] {
    log_progress("1 of 3");
    log_progress("2 of 3");
    log_info("done");
    log_info("bye");
  });
  EXPECT_EQ(
      text,
      "\r\x1b[Kedgesweep: 1 of 3\r\x1b[Kedgesweep: 2 of 3\r\x1b[Kedgesweep: done\r\nedgesweep: bye\r\n");
}

TEST(Log, OnATerminalProgressIsCutBetweenCharactersToTheWidth) {
  const std::string text = written_to_terminal(15, [] { log_progress("ηλ 1 of 3"); });
  EXPECT_EQ(text, "\r\x1b[Kedgesweep: ηλ ");
}

}  // namespace
}  // namespace edgesweep
