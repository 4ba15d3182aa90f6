#pragma once

namespace edgesweep {

/// When the coordinator may commit: nobody gets an answer while it does, so that a fifth of the time is enough, however many
/// trials end. Knows no clock: the caller hands in seconds.
class CommitPace {
 public:
  /// No commit for this many times as long as the last one took, …
  static constexpr double kRestPerCommit = 4;
  /// … but for so many seconds at most, however slow the disk is.
  static constexpr double kLongestRestSeconds = 0.5;
  /// A commit that may be waits so long for a moment without messages: who has just ended a trial has the next one first.
  static constexpr double kQuietSeconds = 0.02;

  /// `quiet`: no message has come since the last time.
  bool due(double now_seconds, bool quiet) const;

  /// A commit, or a look that found nothing to commit, began and ended.
  void note(double began_seconds, double ended_seconds);

 private:
  double rested_at_ = 0;
};

}  // namespace edgesweep
