#include "engine/trainer/frame_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

#include "engine/trainer/messages.hpp"

namespace edgesweep {
namespace {

struct Pair {
  Pair() : Pair([] {
    std::array<int, 2> made{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made.data()), 0);
    return made;
  }()) {}
  explicit Pair(std::array<int, 2> made) : raw(made[1]), left(made[0]), right(made[1]) {}
  int raw;  ///< the descriptor of `right`
  FrameSocket left;
  FrameSocket right;
};

Bytes some_bytes(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

TEST(FrameSocket, FramesOfAnyLengthComeWholeAndInOrder) {
  Pair pair;
  const std::vector<std::size_t> sizes{0, 1, 7, 8, 9, 4096, 300000, 20000000, 0, 3};
  std::thread sender([&] {
    for (const std::size_t size : sizes) pair.left.send(some_bytes(size));
  });
  for (const std::size_t size : sizes) {
    std::optional<Bytes> frame;
    while (!(frame = pair.right.receive(1))) {
    }
    EXPECT_EQ(*frame, some_bytes(size));
  }
  sender.join();
  EXPECT_FALSE(pair.right.receive(0));
}

TEST(FrameSocket, AFrameThatComesInPiecesIsGivenWhenItIsWhole) {
  Pair pair;
  const std::uint64_t length = 3;
  const Bytes content = some_bytes(3);
  Bytes stream(sizeof length);
  std::memcpy(stream.data(), &length, sizeof length);
  stream.insert(stream.end(), content.begin(), content.end());
  for (std::size_t i = 0; i < stream.size(); ++i) {
    EXPECT_FALSE(pair.left.receive(0)) << i;
    ASSERT_EQ(write(pair.raw, &stream[i], 1), 1);
  }
  EXPECT_EQ(pair.left.receive(0), content);
}

TEST(FrameSocket, WhatAPeerSentBeforeItWentIsStillRead) {
  Pair pair;
  pair.right.send(some_bytes(5));
  pair.right.send(some_bytes(6));
  { const FrameSocket gone = std::move(pair.right); }
  EXPECT_EQ(pair.left.receive(0), some_bytes(5));
  EXPECT_EQ(pair.left.receive(0), some_bytes(6));
  EXPECT_THROW(pair.left.receive(0), PeerGone);
  EXPECT_THROW(pair.left.send(some_bytes(5)), PeerGone);
}

TEST(FrameSocket, ASenderCanLeaveAPeerThatDoesNotRead) {
  Pair pair;
  int waits = 0;
  const auto wait_thrice = [&] {
    if (++waits == 3) throw std::runtime_error("enough");
  };
  EXPECT_THROW(pair.left.send(some_bytes(10000000), wait_thrice), std::runtime_error);
}

TEST(FrameSocket, AnImpossibleLengthIsRefused) {
  Pair pair;
  const std::uint64_t length = ~std::uint64_t{0};
  ASSERT_EQ(write(pair.raw, &length, sizeof length), 8);
  EXPECT_THROW(pair.left.receive(0), SystemError);
}

TEST(TrainerMessages, OrdersAndReportsComeBackAsTheyWere) {
  const std::vector<TrainerOrder> orders{TrainerSetup{"{}", "s.json", "/data", "cuda", 3, 4}, TrainTrial{7, false, {}},
                                         TrainTrial{123456789012, true, some_bytes(9)}, SaveState{}, StopTrial{}};
  for (const TrainerOrder& order : orders) {
    EXPECT_EQ(unpack_order(pack(order)), order) << "kind " << order.index();
  }
  const std::vector<TrainerReport> reports{TrainerReady{},
                                           TrainerUnfit{true, "train-images", "is not there"},
                                           TrainerAlive{7},
                                           RecordTaken{3, {1.5, -0.0, 1e300}},
                                           StateSaved{1000000000000, some_bytes(17)},
                                           ParametersKept{-1, some_bytes(3)},
                                           TrialEnded{TrialEnd::interrupted, 12},
                                           TrialThrew{"bad: \"η\""}};
  for (const TrainerReport& report : reports) {
    EXPECT_EQ(unpack_report(pack(report)), report) << "kind " << report.index();
  }
  EXPECT_THROW(unpack_report(Bytes{std::byte{200}}), SystemError);
}

}  // namespace
}  // namespace edgesweep
