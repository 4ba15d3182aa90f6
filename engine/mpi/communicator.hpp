#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "engine/spec/trial_runner.hpp"

namespace edgesweep {

/// Bytes and where they came from.
struct Parcel {
  int from = 0;
  int place = 0;  ///< as send() was given it
  Bytes content;
};

/// Point-to-point messages between the ranks of MPI_COMM_WORLD, in order for each pair, on a duplicate of it. Nothing
/// here waits by spinning. Needs a Session with several ranks; to be destroyed before it.
class Communicator {
 public:
  /// Most messages under way before send() waits: bounds the memory that a slow receiver costs.
  static constexpr std::size_t kMaxPending = 64;

  /// Collective. Throws SystemError.
  Communicator();
  Communicator(Communicator&&) noexcept;
  Communicator& operator=(Communicator&&) noexcept;
  ~Communicator();  ///< collective; cancels nothing: call flush() first

  int rank() const;
  int size() const;

  /// Sends without waiting for the receiver, unless kMaxPending messages are under way. `place` is of the worker that trains several
  /// trials at a time, whoever of the two sends. Throws SystemError.
  void send(int to, Bytes content, int place = 0);

  /// The next message of anybody, if one is there. Throws SystemError.
  std::optional<Parcel> try_receive();

  /// Waits until all that was sent has left. Throws SystemError.
  void flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Sleeps between two looks for messages: short after something happened, a quarter longer each time that nothing does. Who
/// waits so learns of a message late by at most a quarter of the time that it waited, or by the longest pause.
class Backoff {
 public:
  static constexpr double kShortestSeconds = 200e-6;
  static constexpr double kLongestSeconds = 5e-3;

  explicit Backoff(double longest_seconds = kLongestSeconds) : longest_seconds_(longest_seconds) {}

  void reset() { seconds_ = kShortestSeconds; }
  void wait();

 private:
  double longest_seconds_;
  double seconds_ = kShortestSeconds;
};

}  // namespace edgesweep
