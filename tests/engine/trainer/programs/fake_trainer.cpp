// A trainer process of the stand-in training, which at step 50 of a trial, or in its set-up, does what TrainerSetup::device
// says, which with "trial 3 …" is of that trial only. As many threads as `--places` asks for. "once" throws at step 50 and leaves the file TrainerSetup::data, with which no trainer can be set up.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/base/file.hpp"
#include "engine/trainer/child_process.hpp"
#include "engine/trainer/trainer.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

void misbehave(const std::string& how, const std::string& file) {
  if (how == "segfault") {
    signal(SIGSEGV, SIG_DFL);  // sanitizers have a handler
    raise(SIGSEGV);
  }
  if (how == "kill") raise(SIGKILL);
  if (how == "stop signals") {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) raise(signal);
  }
  if (how == "exit") _exit(7);
  if (how == "throw") throw std::runtime_error("the device is on fire");
  if (how == "hang") pause();
  if (how == "stopped") raise(SIGSTOP);
  if (how == "long") std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  if (how == "once") {
    write_file_atomically(file, std::string_view("used"));
    throw std::runtime_error("CUDA error");
  }
}

TrainerJob make_job(const TrainerSetup& setup, Team&) {
  if (setup.device == "bad input") throw InputError("train-images", "is not there");
  if (setup.device == "no device") throw std::runtime_error("no device");
  if (setup.device == "die early") raise(SIGABRT);
  if (setup.device == "once" && std::filesystem::exists(setup.data)) throw std::runtime_error("no device any more");
  const auto before_step = [how = setup.device, file = setup.data](const Trial& trial, std::int64_t step) {
    if (how == "slow" || how == "trial 3 kills") std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (how == "trial 3 kills" && trial.index == 3 && step == 50) raise(SIGKILL);
    if (how == "trial 3 throws" && trial.index == 3 && step == 50) throw std::runtime_error("CUDA error");
    if (how == "trial 3 throws" && trial.index != 3) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (step == 50) misbehave(how, file);
  };
  return {parse_sweep(setup.sweep_text, setup.sweep_file, FakeCatalog()), std::make_unique<FakeRunner>(before_step)};
}

}  // namespace
}  // namespace edgesweep

int main(int count, char** words) {
  const int places = count > 2 && std::string_view(words[1]) == "--places" ? std::stoi(words[2]) : 1;
  std::vector<std::jthread> threads;
  for (int place = 0; place < places; ++place) {
    threads.emplace_back([place] {
      edgesweep::serve_trainer(edgesweep::FrameSocket(edgesweep::kChildSocket + place), edgesweep::make_job);
    });
  }
}
