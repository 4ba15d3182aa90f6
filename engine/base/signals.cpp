#include "engine/base/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>

namespace edgesweep {
namespace {

// A signal handler can reach nothing but globals, and of those only lock-free atomics.
std::atomic<int> requested{0};
std::atomic<bool> interrupted_once{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

extern "C" void on_stop_signal(int signal) {
  if (signal == SIGINT && interrupted_once.exchange(true)) {
    _exit(128 + SIGINT);
  }
  int none = 0;
  requested.compare_exchange_strong(none, signal);
}

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  // Libraries that read and write files (HDF5 among them) do not expect EINTR.
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) {
    sigaction(signal, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

int stop_signal() {
  return requested.load(std::memory_order_relaxed);
}

void set_stop_signal(int signal) {
  requested = signal;
  interrupted_once = false;
}

}  // namespace edgesweep
