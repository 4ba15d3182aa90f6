#include "engine/schedule/commit_pace.hpp"

#include <gtest/gtest.h>

namespace edgesweep {
namespace {

TEST(CommitPace, AfterACommitThereIsNoneForFourTimesAsLong) {
  CommitPace pace;
  EXPECT_TRUE(pace.due(100, true));
  pace.note(100, 100.01);
  EXPECT_FALSE(pace.due(100.049, true));
  EXPECT_TRUE(pace.due(100.051, true));
}

TEST(CommitPace, ASlowDiskIsNotRestedFromForMoreThanHalfASecond) {
  CommitPace pace;
  pace.note(100, 103);
  EXPECT_FALSE(pace.due(103.49, true));
  EXPECT_TRUE(pace.due(103.51, true));
}

TEST(CommitPace, MessagesPutACommitOffForAMomentOnly) {
  CommitPace pace;
  pace.note(100, 100.01);
  EXPECT_FALSE(pace.due(100.06, false));
  EXPECT_TRUE(pace.due(100.08, false));
}

TEST(CommitPace, ALookThatFoundNothingPutsNothingOff) {
  CommitPace pace;
  pace.note(100, 100);
  EXPECT_TRUE(pace.due(100.001, true));
}

}  // namespace
}  // namespace edgesweep
