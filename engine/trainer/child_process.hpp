#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/trainer/frame_socket.hpp"

namespace edgesweep {

/// Descriptor under which a child finds its socket to the process that started it.
inline constexpr int kChildSocket = 3;

/// Descriptor under which a child finds what else it inherits, if anything.
inline constexpr int kChildBuffer = 4;

/// A child process by fork and exec, with a socket to it. It is killed (SIGKILL) when the thread that started it ends,
/// however that comes, and when this object goes. It is in a session of its own and ignores SIGTERM, SIGINT, SIGHUP,
/// SIGUSR1 and SIGUSR2 from its first moment: whoever signals a whole job or terminal means the process that started it.
class ChildProcess {
 public:
  /// `arguments` without the program's name; `buffer` is a descriptor that the child inherits as kChildBuffer, −1 for none.
  /// Throws SystemError.
  ChildProcess(const std::string& program, const std::vector<std::string>& arguments, int buffer = -1);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  FrameSocket& socket() { return socket_; }

  /// True if it is there no more, or about to go.
  bool ended();

  /// How it ended, such as "killed by signal 9 (Killed)" or "ended with exit code 1". To be called when the socket has
  /// said that it is gone; one that lives on all the same is killed.
  std::string how_it_ended();

 private:
  /// Takes in the child's end if it has come.
  bool reap(int options);

  FrameSocket socket_;
  pid_t pid_ = -1;
  std::optional<int> status_;  ///< as waitpid gives it
};

}  // namespace edgesweep
