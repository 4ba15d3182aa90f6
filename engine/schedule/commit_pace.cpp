#include "engine/schedule/commit_pace.hpp"

#include <algorithm>

namespace edgesweep {

bool CommitPace::due(double now_seconds, bool quiet) const {
  return now_seconds >= rested_at_ + (quiet ? 0 : kQuietSeconds);
}

void CommitPace::note(double began_seconds, double ended_seconds) {
  rested_at_ = ended_seconds + std::min(kRestPerCommit * (ended_seconds - began_seconds), kLongestRestSeconds);
}

}  // namespace edgesweep
