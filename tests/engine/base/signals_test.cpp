#include "engine/base/signals.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

namespace edgesweep {
namespace {

class Signals : public testing::Test {
 protected:
  void SetUp() override {
    install_stop_signals();
    set_stop_signal(0);
  }
  void TearDown() override { set_stop_signal(0); }
};

TEST_F(Signals, EachStopSignalAsksForAStop) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) {
    set_stop_signal(0);
    raise(signal);
    EXPECT_EQ(stop_signal(), signal);
  }
}

TEST_F(Signals, TheFirstSignalIsTheOneRemembered) {
  raise(SIGUSR1);
  raise(SIGTERM);
  raise(SIGINT);
  EXPECT_EQ(stop_signal(), SIGUSR1);
}

TEST_F(Signals, AStopCanBeAskedForWithoutASignal) {
  set_stop_signal(SIGTERM);
  EXPECT_EQ(stop_signal(), SIGTERM);
}

TEST_F(Signals, ABrokenPipeDoesNotEndTheProcess) {
  raise(SIGPIPE);
  EXPECT_EQ(stop_signal(), 0);
}

TEST_F(Signals, ASecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        raise(SIGINT);
        raise(SIGINT);
        std::exit(0);
      },
      testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace edgesweep
