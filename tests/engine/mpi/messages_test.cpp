#include "engine/mpi/messages.hpp"

#include <gtest/gtest.h>

namespace edgesweep {
namespace {

TEST(Messages, WorkerMessagesComeBackAsTheyWere) {
  const std::vector<WorkerMessage> messages{
      WorkerReady{},
      WorkerUnfit{true, "train-images", "has 3 bytes, not 16"},
      StopAsked{},
      TrialStarted{123456789012, true},
      TrialRecord{7, 3, {1.5, -0.0, 1e300}},
      TrialRecord{7, 3, {}},
      TrialCheckpointed{7, 1000000000000},
      TrialFinished{7, true, 12, 0.125},
      TrialInterrupted{7, 3.5},
      TrialFailed{7, "", 1},
      TrialFailed{7, "bad: \"η\"\n", 1},
  };
  for (const WorkerMessage& message : messages) {
    EXPECT_EQ(unpack_worker_message(pack(message)), message) << "kind " << message.index();
  }
}

TEST(Messages, CoordinatorMessagesComeBackAsTheyWere) {
  const std::vector<CoordinatorMessage> messages{SweepText{"{\"name\":\"x\"}"}, Assignment{42, false, true}, StopTrials{},
                                                 EndRun{ExitCode::interrupted}};
  for (const CoordinatorMessage& message : messages) {
    EXPECT_EQ(unpack_coordinator_message(pack(message)), message) << "kind " << message.index();
  }
}

TEST(Messages, EveryShortenedOrLengthenedMessageIsRefused) {
  const Bytes whole = pack(WorkerMessage{TrialRecord{7, 3, {1.5, 2.5}}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(unpack_worker_message(std::span(whole).first(length)), SystemError) << length << " bytes";
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_THROW(unpack_worker_message(longer), SystemError);
}

TEST(Messages, UnknownKindsAreRefused) {
  EXPECT_THROW(unpack_worker_message(Bytes{std::byte{200}}), SystemError);
  EXPECT_THROW(unpack_coordinator_message(Bytes{std::byte{200}}), SystemError);
}

TEST(Messages, ALengthThatOverflowsIsRefused) {
  Bytes bytes = pack(CoordinatorMessage{SweepText{"12345678"}});
  for (std::size_t i = 1; i <= sizeof(std::size_t); ++i) {
    bytes[i] = std::byte{0xff};
  }
  EXPECT_THROW(unpack_coordinator_message(bytes), SystemError);
}

}  // namespace
}  // namespace edgesweep
