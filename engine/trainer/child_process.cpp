#include "engine/trainer/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <span>
#include <thread>
#include <utility>

namespace edgesweep {
namespace {

/// What a shell returns for a program that can't be started.
constexpr int kNoProgram = 127;

/// Between the end of its connection and its end a process has little to do.
constexpr int kPatienceMilliseconds = 2000;

/// The child's first moments: only async-signal-safe calls, as other threads of the parent may hold any lock.
[[noreturn]] void become(const char* program, char* const* arguments, std::span<int> inherited, pid_t parent) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) {
    ::signal(signal, SIG_IGN);
  }
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {  // it went before the line above
    _exit(kNoProgram);
  }
  // Away from the places that they go to, then there.
  const int end = kChildSocket + static_cast<int>(inherited.size());
  for (int& descriptor : inherited) {
    descriptor = fcntl(descriptor, F_DUPFD, end);
  }
  for (int place = kChildSocket; place < end; ++place) {
    dup2(inherited[static_cast<std::size_t>(place - kChildSocket)], place);
  }
  // Connections of the parent that stayed open here would hide its death from its peers.
  syscall(SYS_close_range, end, ~0U, 0);
  execv(program, arguments);
  _exit(kNoProgram);
}

}  // namespace

ChildProcess::ChildProcess(const std::string& program, const std::vector<std::string>& arguments, int sockets, int buffer) {
  std::vector<FrameSocket> theirs;
  std::vector<int> inherited;
  for (int i = 0; i < sockets; ++i) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      throw SystemError("socketpair", std::strerror(errno));
    }
    sockets_.emplace_back(ends[0]);
    theirs.emplace_back(ends[1]);
    inherited.push_back(ends[1]);
  }
  if (buffer >= 0) {
    inherited.push_back(buffer);
  }
  std::vector<std::string> words{"edgesweep"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    become(program.c_str(), pointers.data(), inherited, parent);
  }
  if (pid_ < 0) {
    throw SystemError("fork", std::strerror(errno));
  }
}

ChildProcess::~ChildProcess() {
  if (!reap(WNOHANG)) {
    kill(pid_, SIGKILL);
    reap(0);
  }
}

bool ChildProcess::reap(int options) {
  const std::lock_guard guard(mutex_);
  if (status_) {
    return true;
  }
  int status = 0;
  pid_t found = -1;
  do {
    found = waitpid(pid_, &status, options);
  } while (found < 0 && errno == EINTR);
  if (found != 0) {
    status_ = found == pid_ ? status : 0;
  }
  return status_.has_value();
}

bool ChildProcess::ended() { return reap(WNOHANG); }

std::string ChildProcess::how_it_ended() {
  for (int waited = 0; !reap(WNOHANG); ++waited) {
    if (waited == kPatienceMilliseconds) {
      kill(pid_, SIGKILL);
      reap(0);
      return "closed its connection";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (WIFSIGNALED(*status_)) {
    const int signal = WTERMSIG(*status_);
    return "killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "ended with exit code " + std::to_string(WEXITSTATUS(*status_));
}

}  // namespace edgesweep
