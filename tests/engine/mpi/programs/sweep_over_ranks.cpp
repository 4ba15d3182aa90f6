// Real sweeps of a stand-in training over MPI ranks, compared with one process: `mpirun -n 4 sweep_over_ranks same`.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <latch>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine/base/clock.hpp"
#include "engine/base/file.hpp"
#include "engine/base/signals.hpp"
#include "engine/mpi/communicator.hpp"
#include "engine/mpi/coordinator_server.hpp"
#include "engine/mpi/session.hpp"
#include "engine/mpi/worker_places.hpp"
#include "engine/mpi/worker_transport.hpp"
#include "engine/schedule/local_transport.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/schedule/fakes.hpp"

namespace edgesweep {
namespace {

using Hook = FakeRunner::StepHook;

void require(bool condition, const std::string& what) {
  if (!condition) {
    throw std::runtime_error("not so: " + what);
  }
}

Store make_or_open(const std::string& path, const Sweep& sweep) {
  return std::filesystem::exists(path) ? Store::open(path, sweep) : Store::create(path, sweep, utc_timestamp());
}

void run_here(const Sweep& sweep, const std::string& path) {
  Store store = make_or_open(path, sweep);
  EventLog events(StorePaths{path}.events());
  Coordinator coordinator(sweep, store, events, CostModel(sweep, FakeCatalog()), {LocalTransport::kWorker});
  LocalTransport transport(coordinator, [](double) {});
  FakeRunner runner;
  run_worker(sweep, runner, transport, {{path}, 300});
  store.close();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Rank 0's share of a core while it serves; other ranks give 0.
struct Served {
  ExitCode code = ExitCode::failure;
  double core_share = 0;
};

/// With several `places` each worker trains as many trials at a time.
Served run_over_ranks(const Session& session, const Sweep& sweep, const std::string& path, const Hook& hook, int places = 1) {
  Communicator communicator;
  Served served;
  if (session.rank() > 0) {
    WorkerTransport transport(communicator);
    const auto text = transport.receive_sweep();
    require(text == sweep.text, "the workers get the sweep's text");
    const Sweep received = parse_sweep(*text, "sweep", FakeCatalog());
    const auto train = [&](int, Transport& line) {
      FakeRunner runner(hook);
      run_worker(received, runner, line, {{path}, 300});
    };
    if (places == 1) {
      train(0, transport);
    } else {
      WorkerPlaces(transport, places).run(train);
    }
    served.code = transport.wait_for_end();
    return served;
  }
  CoordinatorServer server(communicator, places);
  server.send_sweep(sweep);
  server.await_workers();
  Store store = make_or_open(path, sweep);
  EventLog events(StorePaths{path}.events());
  Coordinator coordinator(sweep, store, events, CostModel(sweep, FakeCatalog()), server.workers());
  const double began = monotonic_seconds();
  const double cpu = cpu_seconds();
  server.serve(coordinator, [](double) {});
  served.core_share = (cpu_seconds() - cpu) / (monotonic_seconds() - began);
  store.close();
  served.code = coordinator.exit_code();
  server.end(served.code);
  return served;
}

void require_equal(const Sweep& sweep, const std::string& first, const std::string& second) {
  const StoreReader a(first);
  const StoreReader b(second);
  for (std::int64_t index = 0; index < sweep.trial_count(); ++index) {
    const Trial trial = make_trial(sweep, index);
    const std::string name = "trial " + std::to_string(index);
    const auto& cell = trial.cell;
    const TrialState left = a.state(cell.batch_index, cell.point, trial.seed_index);
    const TrialState right = b.state(cell.batch_index, cell.point, trial.seed_index);
    require(left.status == right.status && left.records == right.records && left.steps == right.steps,
            name + " has the same state");
    for (const char* column : {"step", "samples", "learning_rate", "train_loss"}) {
      require(a.values(column, cell.batch_index, cell.point, trial.seed_index) ==
                  b.values(column, cell.batch_index, cell.point, trial.seed_index),
              name + " has the same " + column);
    }
  }
}

void nothing(const Trial&, std::int64_t) {}

/// All ranks get the same folder: the one that rank 0 makes, under a name that mpirun gives all of them.
std::string shared_folder() {
  const char* job = std::getenv("PMIX_NAMESPACE");
  const std::string folder = (std::filesystem::temp_directory_path() /
                              ("edgesweep-ranks-" + std::string(job == nullptr ? "0" : job))).string();
  make_directory(folder);
  return folder;
}

void same(const Session& session, const std::string& folder) {
  const Sweep sweep = fake_sweep();
  const Served served = run_over_ranks(session, sweep, folder + "/ranks.h5", nothing);
  require(served.code == ExitCode::success, "every rank ends with code 0");
  if (session.rank() == 0) {
    run_here(sweep, folder + "/one.h5");
    require_equal(sweep, folder + "/one.h5", folder + "/ranks.h5");
  }
}

void several(const Session& session, const std::string& folder) {
  const Sweep sweep = fake_sweep();
  std::atomic<int> in_a_step = 0;
  std::atomic<int> most = 0;
  const Hook slow = [&](const Trial&, std::int64_t) {
    most = std::max(most.load(), ++in_a_step);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    --in_a_step;
  };
  const Served served = run_over_ranks(session, sweep, folder + "/ranks.h5", slow, 3);
  require(served.code == ExitCode::success, "every rank ends with code 0");
  require(session.rank() == 0 || most > 1, "a worker trains several trials at a time");
  if (session.rank() == 0) {
    run_here(sweep, folder + "/one.h5");
    require_equal(sweep, folder + "/one.h5", folder + "/ranks.h5");
  }
}

/// What a place throws leaves run() once all others have ended, in the middle of their trials.
void several_fail(const Session& session, const std::string&) {
  Communicator communicator;
  const Sweep sweep = fake_sweep();
  if (session.rank() == 0) {
    CoordinatorServer server(communicator, 3);
    server.send_sweep(sweep);
    server.end(ExitCode::failure);
    return;
  }
  WorkerTransport transport(communicator);
  transport.receive_sweep();
  std::latch at_work(3);
  std::atomic<int> told = 0;
  try {
    WorkerPlaces(transport, 3).run([&](int place, Transport& line) {
      at_work.arrive_and_wait();
      if (place == 2) {
        throw std::logic_error("a fault of the program");
      }
      try {
        while (true) {
          line.stop_requested();
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      } catch (const SystemError&) {
        ++told;
      }
    });
    require(false, "the exception is thrown on");
  } catch (const std::logic_error& error) {
    require(std::string(error.what()) == "a fault of the program" && told == 2, "the others were told");
  }
  require(transport.wait_for_end() == ExitCode::failure, "the rank ends with the others");
}

void stopped(const Session& session, const std::string& folder) {
  const Sweep sweep = fake_sweep();
  // Only rank 2 is asked to stop; the whole run must.
  std::int64_t steps = 0;
  const Hook stop = [&](const Trial&, std::int64_t) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (++steps == 150 && session.rank() == 2) {
      set_stop_signal(SIGUSR1);
    }
  };
  int stops = 0;
  while (run_over_ranks(session, sweep, folder + "/ranks.h5", stop).code == ExitCode::interrupted) {
    set_stop_signal(0);
    steps = 0;
    require(++stops < 50, "the sweep gets ahead between stops");
  }
  set_stop_signal(0);
  require(stops >= 2, "the run was stopped");
  if (session.rank() == 0) {
    run_here(sweep, folder + "/one.h5");
    require_equal(sweep, folder + "/one.h5", folder + "/ranks.h5");
  }
}

void failing(const Session& session, const std::string& folder) {
  const Sweep sweep = fake_sweep();
  // Whatever runs on rank 1 after the first trials breaks; rank 2 must save every trial.
  const Hook fail = [&](const Trial&, std::int64_t step) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (session.rank() == 1 && step == 20) {
      throw std::runtime_error("rank 1 is broken");
    }
  };
  const Served served = run_over_ranks(session, sweep, folder + "/ranks.h5", fail);
  require(served.code == ExitCode::success, "every trial that failed on rank 1 was done on rank 2");
  if (session.rank() == 0) {
    run_here(sweep, folder + "/one.h5");
    require_equal(sweep, folder + "/one.h5", folder + "/ranks.h5");
  }
}

void unfit(const Session& session, const std::string&) {
  Communicator communicator;
  if (session.rank() == 0) {
    CoordinatorServer server(communicator);
    Sweep sweep;
    sweep.text = "{}";
    server.send_sweep(sweep);
    try {
      server.await_workers();
      require(false, "an unfit worker is an error");
    } catch (const InputError& error) {
      require(error.subject() == "train-images" && error.reason() == "has 3 bytes", "the worker's reason is given");
    }
    server.end(ExitCode::bad_input);
    return;
  }
  WorkerTransport transport(communicator);
  transport.receive_sweep();
  if (session.rank() == 1) {
    transport.send(WorkerUnfit{true, "train-images", "has 3 bytes"});
  } else {
    require(!transport.next(), "no worker gets a trial");
  }
  require(transport.wait_for_end() == ExitCode::bad_input, "every rank ends with code 2");
}

void looks(const Session& session, const std::string&) {
  Communicator communicator;
  for (int round = 0; round < 5; ++round) {
    if (session.rank() == 0) {
      communicator.send(1, Bytes(1));
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      require(communicator.try_receive().has_value(), "a message that came long ago is found by the first look");
    } else {
      while (!communicator.try_receive()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      communicator.send(0, Bytes(300));
      communicator.flush();
    }
  }
  communicator.flush();
}

void idle(const Session& session, const std::string& folder) {
  const Sweep sweep = fake_sweep(20);
  const Hook slow = [](const Trial&, std::int64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(15)); };
  const Served served = run_over_ranks(session, sweep, folder + "/ranks.h5", slow);
  require(served.code == ExitCode::success, "every rank ends with code 0");
  if (session.rank() == 0) {
    std::printf("coordinator: %.2f %% of a core\n", 100 * served.core_share);
    require(served.core_share < 0.2, "a coordinator that waits leaves its core to others");
  }
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  using namespace edgesweep;
  const std::map<std::string, void (*)(const Session&, const std::string&)> checks{
      {"same", same}, {"stopped", stopped}, {"failing", failing}, {"unfit", unfit}, {"looks", looks}, {"idle", idle},
      {"several", several}, {"several_fail", several_fail}};
  Session session;
  return static_cast<int>(session.run([&] {
    require(argc == 2 && checks.contains(argv[1]), "the argument names a check");
    require(session.size() > 1, "the program runs under mpirun");
    const std::string folder = shared_folder();
    checks.at(argv[1])(session, folder);
    if (session.rank() == 0) {
      std::filesystem::remove_all(folder);
    }
    return ExitCode::success;
  }));
}
