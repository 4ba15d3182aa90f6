#pragma once

#include <sys/types.h>

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/trainer/frame_socket.hpp"

namespace edgesweep {

/// Descriptor under which a child finds its socket to the process that started it; of several, the first.
inline constexpr int kChildSocket = 3;

/// Descriptor under which a child with one socket finds what else it inherits, if anything.
inline constexpr int kChildBuffer = 4;

/// A child process by fork and exec, with sockets to it, for one thread each. It is killed (SIGKILL) when the thread that started it ends,
/// however that comes, and when this object goes. It is in a session of its own and ignores SIGTERM, SIGINT, SIGHUP,
/// SIGUSR1 and SIGUSR2 from its first moment: whoever signals a whole job or terminal means the process that started it.
class ChildProcess {
 public:
  /// `arguments` without the program's name; `buffer` is a descriptor that the child inherits after its sockets, −1 for none.
  /// Throws SystemError.
  ChildProcess(const std::string& program, const std::vector<std::string>& arguments, int sockets = 1, int buffer = -1);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  FrameSocket& socket(int index) { return sockets_[static_cast<std::size_t>(index)]; }

  /// True if it is there no more, or about to go.
  bool ended();

  /// How it ended, such as "killed by signal 9 (Killed)" or "ended with exit code 1". To be called when the socket has
  /// said that it is gone; one that lives on all the same is killed.
  std::string how_it_ended();

 private:
  /// Takes in the child's end if it has come.
  bool reap(int options);

  std::vector<FrameSocket> sockets_;
  pid_t pid_ = -1;
  std::mutex mutex_;  ///< of status_
  std::optional<int> status_;  ///< as waitpid gives it
};

}  // namespace edgesweep
