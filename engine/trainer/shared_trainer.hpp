#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/trainer/child_process.hpp"

namespace edgesweep {

/// How a trainer process is started: it runs serve_trainer on kChildSocket, and with `--places k` on the k descriptors from there.
struct TrainerCommand {
  std::string program = "/proc/self/exe";
  std::vector<std::string> arguments = {"trainer"};
};

/// The trainer process of a rank, which its runners share: each has a place, and a socket of its own. For any number of threads, which
/// must end together: the process is killed with the one that happened to start it.
class SharedTrainer {
 public:
  /// `buffer` as ChildProcess takes it.
  SharedTrainer(TrainerCommand command, int places, int buffer = -1);

  int places() const { return places_; }
  const TrainerCommand& command() const { return command_; }

  /// The process to train in from now on: a new one if there is none, or it has ended. Throws SystemError.
  std::shared_ptr<ChildProcess> get();

  /// It is not trusted any more: get() gives another. It lives until the last runner in it has ended its trial.
  void drop(const std::shared_ptr<ChildProcess>& trainer);

 private:
  TrainerCommand command_;
  int places_;
  int buffer_;
  std::mutex mutex_;
  std::shared_ptr<ChildProcess> trainer_;
};

}  // namespace edgesweep
