#include <CLI/CLI.hpp>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/fault_injection.hpp"
#include "engine/base/log.hpp"
#include "engine/base/signals.hpp"
#include "engine/cli/commands.hpp"
#include "engine/cli/data_source.hpp"
#include "engine/cli/run_desk.hpp"
#include "engine/cli/trainer.hpp"
#include "engine/mpi/communicator.hpp"
#include "engine/mpi/coordinator_server.hpp"
#include "engine/mpi/rank_team.hpp"
#include "engine/mpi/session.hpp"
#include "engine/mpi/worker_places.hpp"
#include "engine/mpi/worker_transport.hpp"
#include "engine/schedule/local_transport.hpp"
#include "engine/schedule/team_places.hpp"
#include "engine/trainer/process_runner.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

WorkerSettings worker_settings(const RunOptions& options) {
  return {{options.store}, options.checkpoint_interval, options.patience};
}

TrainerSetup trainer_setup(const RunOptions& options, const Sweep& sweep, int rank, int local_worker) {
  TrainerSetup setup{sweep.text, options.sweep, data_source(options.data).directory, options.device, local_worker, rank};
  setup.trials = options.trials;
  return setup;
}

TrainerTimeouts trainer_timeouts(const RunOptions& options) { return {options.heartbeat_timeout, options.hang_timeout}; }

/// In this process or in one of its own, with the team if there is one. Throws InputError.
std::unique_ptr<TrialRunner> make_runner(const RunOptions& options, const Sweep& sweep, bool in_process, int rank,
                                         int local_worker, Team* team) {
  TrainerSetup setup = trainer_setup(options, sweep, rank, local_worker);
  if (in_process) {
    return make_runner_here(sweep, setup, team);
  }
  return std::make_unique<ProcessRunner>(std::move(setup), trainer_timeouts(options), TrainerCommand(), team);
}

/// Of a worker that trains several trials at a time, one for each; they share the process that trains. Throws InputError.
std::vector<std::shared_ptr<TrialRunner>> make_runners(const RunOptions& options, const Sweep& sweep, int rank,
                                                       int local_worker) {
  const TrainerSetup setup = trainer_setup(options, sweep, rank, local_worker);
  std::vector<std::shared_ptr<TrialRunner>> runners;
  if (options.in_process) {
    runners.resize(static_cast<std::size_t>(options.trials), make_runner_here(sweep, setup, nullptr));
    return runners;
  }
  const auto trainers = std::make_shared<SharedTrainer>(TrainerCommand(), options.trials);
  for (int place = 0; place < options.trials; ++place) {
    runners.push_back(std::make_shared<ProcessRunner>(setup, trainer_timeouts(options), trainers, place));
  }
  return runners;
}

void require_one_trial(const RunOptions& options, const std::string& else_reason) {
  if (options.trials > 1) {
    throw InputError("--pack", "is " + std::to_string(options.trials) + ", and " + else_reason);
  }
}

/// Coordinator and worker in one process.
ExitCode run_alone(const RunOptions& options) {
  require_one_trial(options, "there is no mpirun; mpirun -n 2 starts one worker for as many trials, and one rank that coordinates");
  const std::unique_ptr<Catalog> catalog = make_catalog();
  RunDesk desk(options, *catalog, 1);
  const std::unique_ptr<TrialRunner> runner = make_runner(options, desk.sweep(), !options.trainer_process, -1, 0, nullptr);
  desk.open({LocalTransport::kWorker});
  LocalTransport transport(desk.coordinator(), [&](double now) { desk.turn(now); });
  run_worker(desk.sweep(), *runner, transport, worker_settings(options));
  return desk.close();
}

ExitCode coordinate(const RunOptions& options, Communicator& communicator) {
  CoordinatorServer server(communicator, options.trials);
  ExitCode code = ExitCode::bad_input;
  try {
    const std::unique_ptr<Catalog> catalog = make_catalog();
    RunDesk desk(options, *catalog, communicator.size() - 1);
    if (desk.sweep().ranks_per_trial > 1) {
      require_one_trial(options, options.sweep + " has ranks_per_trial " + std::to_string(desk.sweep().ranks_per_trial) +
                                     ": a trial of several ranks is trained by itself");
    }
    server.send_sweep(desk.sweep());
    server.await_workers();
    desk.open(server.workers());
    server.serve(desk.coordinator(), [&](double now) { desk.turn(now); });
    code = desk.close();
  } catch (const InputError& error) {
    log_error(error.what());
  }
  server.end(code);
  return code;
}

/// Calls `set_up`; what it throws is the worker's complaint.
template <typename SetUp>
std::optional<WorkerUnfit> complaint_of(SetUp set_up) {
  try {
    set_up();
  } catch (const InputError& error) {
    return WorkerUnfit{true, error.subject(), error.reason()};
  } catch (const std::exception& error) {
    return WorkerUnfit{false, "setting up", one_line(error.what())};
  }
  return std::nullopt;
}

/// Trains for the coordinator, by itself (`team` is null) or as one of a team; returns when there is no more to train.
void train(const RunOptions& options, const Sweep& sweep, WorkerTransport& transport, int rank, int local_worker,
           RankTeam* team) {
  SoloLink alone;
  TeamLink& link = team != nullptr ? static_cast<TeamLink&>(*team) : alone;
  const bool leads = team == nullptr || team->rank() == 0;
  std::unique_ptr<TrialRunner> runner;
  if (const auto complaint =
          complaint_of([&] { runner = make_runner(options, sweep, options.in_process, rank, local_worker, team); })) {
    transport.send(*complaint);
  }
  if (leads && runner) {
    run_worker(sweep, *runner, transport, worker_settings(options), link);
  } else if (leads) {
    link.dismiss();
  } else if (runner) {
    transport.say_ready();
    run_member(sweep, *runner, link);
  } else {
    link.next();  // the coordinator ends the run, and with it the leader the team
  }
}

/// Trains several trials at a time; returns when there are no more.
void train_several(const RunOptions& options, const Sweep& sweep, WorkerTransport& transport, int rank, int local_worker) {
  std::vector<std::shared_ptr<TrialRunner>> runners;
  if (const auto complaint = complaint_of([&] { runners = make_runners(options, sweep, rank, local_worker); })) {
    for (int place = 0; place < options.trials; ++place) {
      transport.send(place, *complaint);
    }
    return;
  }
  WorkerPlaces(transport, options.trials).run([&](int place, Transport& line) {
    if (options.in_process) {
      set_up_computing();
    }
    run_worker(sweep, *runners[static_cast<std::size_t>(place)], line, worker_settings(options));
  });
}

ExitCode work(const RunOptions& options, Communicator& communicator, int local_worker) {
  WorkerTransport transport(communicator);
  const std::optional<std::string> text = transport.receive_sweep();
  if (!text) {
    return transport.wait_for_end();
  }
  const int rank = communicator.rank();
  std::optional<Sweep> sweep;
  try {
    sweep = parse_sweep(*text, options.sweep, *make_catalog());
  } catch (const std::exception& error) {
    transport.send(WorkerUnfit{false, "setting up", one_line(error.what())});
    return transport.wait_for_end();
  }
  if (options.trials > 1) {
    train_several(options, *sweep, transport, rank, local_worker);
    return transport.wait_for_end();
  }
  const int leader = leader_of(rank, communicator.size(), sweep->ranks_per_trial);
  std::optional<RankTeam> team;
  if (leader != 0 && sweep->ranks_per_trial > 1) {
    team.emplace(leader, static_cast<int>(sweep->ranks_per_trial));
  }
  if (leader != 0) {
    train(options, *sweep, transport, rank, local_worker, team ? &*team : nullptr);
  }
  return transport.wait_for_end();
}

ExitCode run_sweep(const RunOptions& options) {
  install_stop_signals();
  Session session;
  set_faults_from_environment("rank" + std::to_string(session.rank()));
  return session.run([&] {
    if (session.size() == 1) {
      return run_alone(options);
    }
    Communicator communicator;
    return session.rank() == 0 ? coordinate(options, communicator)
                               : work(options, communicator, session.local_worker());
  });
}

}  // namespace

void add_run_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<RunOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("run", "Run a sweep, or go on with one; under mpirun on all of its ranks");
  command->add_option("sweep", options->sweep, "Sweep file (JSON)")->required();
  command->add_option("--store", options->store, "Store to make or to go on with, S.h5")->required();
  command->add_option("--data", options->data,
                      "Folder of the data set (default: $EDGESWEEP_DATA, else the data that come with edgesweep)");
  command->add_option("--device", options->device, "auto (a GPU if there is one), cpu or cuda")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  command->add_option("--shard", options->shard, "Only part I of N of the trials, I/N, for job arrays; merge the stores after");
  command->add_flag("--resume", options->resume, "Go on if the store exists; failed trials are tried again");
  command->add_flag("--take-over", options->take_over, "Take the store even if its owner may still be alive");
  command->add_option("--set", options->overrides, "Change a value of the sweep file: path=value; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--fork", options->fork,
                      "STORE:TRIAL@STEP: trials are the trial b<B>-p<point>-s<seed> of a store up to the step, and go on by themselves");
  command->add_option("--checkpoint-interval", options->checkpoint_interval, "Seconds between checkpoints of a trial")
      ->capture_default_str()
      ->check(CLI::Range(0.0, std::numeric_limits<double>::max()).description(""));
  command->add_option("--pack", options->trials,
                      "Trials that each worker trains at a time: on a GPU, steps of small networks together")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024).description(""));
  CLI::Option* here = command->add_flag("--in-process", options->in_process,
                                        "Train in the ranks themselves, not in a trainer process of each");
  command->add_flag("--trainer-process", options->trainer_process, "Train in a trainer process without mpirun, too")
      ->excludes(here);
  command->add_option("--heartbeat-timeout", options->heartbeat_timeout,
                      "Kill a trainer process that has shown no sign of life for this many seconds; 0: never")
      ->capture_default_str()
      ->check(CLI::Range(0.0, std::numeric_limits<double>::max()).description(""));
  command->add_option("--hang-timeout", options->hang_timeout,
                      "Kill a trainer process after this many seconds without a step or a record; 0: never")
      ->capture_default_str()
      ->check(CLI::Range(0.0, std::numeric_limits<double>::max()).description(""));
  command->add_option("--patience", options->patience,
                      "Seconds to wait for a disk that is full or can't be written, before the run stops")
      ->capture_default_str()
      ->check(CLI::Range(0.0, std::numeric_limits<double>::max()).description(""));
  command->add_option("--stop-at", options->stop_at,
                      "Checkpoint and end at this time, with exit code 75: seconds since 1970 or 2026-01-31T12:00:00 "
                      "(default: 30 s before $SLURM_JOB_END_TIME, if it is set)");
  command->callback([options, &code] { code = run_sweep(*options); });
}

}  // namespace edgesweep
