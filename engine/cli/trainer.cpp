#include "engine/cli/trainer.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/fault_injection.hpp"
#include "engine/base/log.hpp"
#include "engine/cli/commands.hpp"
#include "engine/cli/data_source.hpp"
#include "engine/trainer/child_process.hpp"
#include "engine/trainer/trainer.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

/// The job of all threads of a trainer process: made by the first that asks.
class SharedJob {
 public:
  TrainerJob operator()(const TrainerSetup& setup, Team& team) {
    set_up_computing();
    const std::lock_guard guard(mutex_);
    if (!job_) {
      set_log_rank(static_cast<int>(setup.log_rank));
      set_faults_from_environment("trainer" + std::to_string(setup.log_rank));
      Sweep sweep = parse_sweep(setup.sweep_text, setup.sweep_file, *make_catalog());
      std::shared_ptr<TrialRunner> runner = make_runner_here(sweep, setup, team.size() > 1 ? &team : nullptr);
      job_ = TrainerJob{std::move(sweep), std::move(runner)};
    }
    return *job_;
  }

 private:
  std::mutex mutex_;
  std::optional<TrainerJob> job_;
};

void require_socket(int descriptor) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
    throw InputError("edgesweep trainer", "is started by edgesweep run, not by hand");
  }
}

}  // namespace

std::unique_ptr<TrialRunner> make_runner_here(const Sweep& sweep, const TrainerSetup& setup, Team* team) {
  set_up_computing();
  return make_runner(sweep, {data_source(setup.data), setup.device, static_cast<int>(setup.local_rank), team, setup.trials});
}

void add_trainer_command(CLI::App& app, ExitCode& code) {
  CLI::App* command = app.add_subcommand("trainer", "Trains for a rank of edgesweep run, which starts it");
  command->group("");  // not in the help
  auto places = std::make_shared<int>(1);
  command->add_option("--places", *places, "Sockets that it is started with: trials at a time");
  command->callback([places, &code] {
    for (int place = 0; place < *places; ++place) {
      require_socket(kChildSocket + place);
    }
    prctl(PR_SET_NAME, "edgesweep-train");
    SharedJob job;
    const auto serve = [&](int place) { serve_trainer(FrameSocket(kChildSocket + place), std::ref(job)); };
    std::vector<std::jthread> others;
    for (int place = 1; place < *places; ++place) {
      others.emplace_back(serve, place);
    }
    serve(0);
    others.clear();
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
