#include "engine/cli/trainer.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <utility>

#include "engine/base/fault_injection.hpp"
#include "engine/base/log.hpp"
#include "engine/cli/commands.hpp"
#include "engine/cli/data_source.hpp"
#include "engine/trainer/child_process.hpp"
#include "engine/trainer/trainer.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

TrainerJob make_job(const TrainerSetup& setup, Team& team) {
  set_log_rank(static_cast<int>(setup.log_rank));
  set_faults_from_environment("trainer" + std::to_string(setup.log_rank));
  Sweep sweep = parse_sweep(setup.sweep_text, setup.sweep_file, *make_catalog());
  std::unique_ptr<TrialRunner> runner = make_runner_here(sweep, setup, &team);
  return {std::move(sweep), std::move(runner)};
}

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
  return make_runner(sweep, {data_source(setup.data), setup.device, static_cast<int>(setup.local_rank), team});
}

void add_trainer_command(CLI::App& app, ExitCode& code) {
  CLI::App* command = app.add_subcommand("trainer", "Trains for a rank of edgesweep run, which starts it");
  command->group("");  // not in the help
  command->callback([&code] {
    require_socket(kChildSocket);
    prctl(PR_SET_NAME, "edgesweep-train");
    serve_trainer(FrameSocket(kChildSocket), make_job);
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
