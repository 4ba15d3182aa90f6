#include "bench/timed_syncs.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "engine/base/clock.hpp"

namespace edgesweep {

TimedSyncs& timed_syncs() {
  static TimedSyncs syncs;
  return syncs;
}

}  // namespace edgesweep

/// Takes the place of the C library's: what the program itself defines is found first.
extern "C" int fdatasync(int descriptor) {
  edgesweep::TimedSyncs& syncs = edgesweep::timed_syncs();
  const double began = edgesweep::monotonic_seconds();
  if (syncs.delay_seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(syncs.delay_seconds));
  const auto result = static_cast<int>(syscall(SYS_fdatasync, descriptor));
  syncs.last_end = edgesweep::monotonic_seconds();
  syncs.seconds.push_back(syncs.last_end - began);
  return result;
}
