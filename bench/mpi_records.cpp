// The real coordinator, store, journal and workers over MPI, with a stand-in for training that sends records of 30 values.
// usage: mpirun -n 65 bench_mpi_records FOLDER CASE [NAME=VALUE]...      FOLDER is removed and made anew
//   flood  every worker sends records as fast as it is let
//   rate   all workers together send `rate` records a second (10000)
//   idle   one worker asks for a trial about `asks` times a second (10), the others hold one trial to the end
// values: seconds (10) that the case is to take, records (20) of a trial, trials (0: as many as fit), sync_ms (0) added to every fdatasync
//
// An assignment's latency is the time that a worker spends between two trials: from saying that it is ready to having the next
// trial. A commit's time is from the coordinator's turn to the end of its last fdatasync.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bench/stand_in.hpp"
#include "bench/timed_syncs.hpp"
#include "engine/base/clock.hpp"
#include "engine/mpi/communicator.hpp"
#include "engine/mpi/coordinator_server.hpp"
#include "engine/mpi/session.hpp"
#include "engine/mpi/worker_transport.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {
namespace {

constexpr int kMeasured = 27;  // and step, samples, learning rate: 30

struct Options {
  std::string folder;
  std::string kind;
  std::map<std::string, double> values{{"rate", 10000}, {"asks", 10}, {"seconds", 10}, {"records", 20}, {"trials", 0}, {"sync_ms", 0}};

  double at(const std::string& name) const { return values.at(name); }
  std::string store() const { return folder + "/ranks.h5"; }
};

/// Throws InputError.
Options read_options(const std::vector<std::string>& words) {
  if (words.size() < 2 || (words[1] != "flood" && words[1] != "rate" && words[1] != "idle"))
    throw InputError("usage", "mpirun -n RANKS bench_mpi_records FOLDER flood|rate|idle [NAME=VALUE]...");
  Options options{.folder = words[0], .kind = words[1]};
  for (std::size_t word = 2; word < words.size(); ++word) {
    const std::size_t equals = words[word].find('=');
    const auto found = options.values.find(words[word].substr(0, equals));
    if (equals == std::string::npos || found == options.values.end()) throw InputError(words[word], "is no value of this program");
    found->second = std::stod(words[word].substr(equals + 1));
  }
  return options;
}

std::int64_t trials_of(const Options& options, int workers) {
  if (options.at("trials") > 0) return static_cast<std::int64_t>(options.at("trials"));
  const double seconds = options.at("seconds");
  if (options.kind == "idle") return workers - 1 + static_cast<std::int64_t>(0.7 * options.at("asks") * seconds);
  const double rate = options.kind == "rate" ? options.at("rate") : 40000;
  return std::max<std::int64_t>(workers, static_cast<std::int64_t>(seconds * rate / options.at("records")));
}

/// Sends records by the clock, or as fast as it is let.
class StandInRunner final : public TrialRunner {
 public:
  StandInRunner(const Options& options, int rank, int workers) : options_(options), rank_(rank), workers_(workers) {}

  TrialOutcome run(const Trial& trial, const std::optional<Bytes>&, TrialHooks& hooks) override {
    std::vector<double> values(kMeasured + 3, 0.1);
    const auto records = static_cast<std::int64_t>(trial.record_steps.size());
    const double began = monotonic_seconds();
    if (options_.kind == "idle") wait_until(began + (rank_ == 1 ? 1 / options_.at("asks") : options_.at("seconds")), hooks);
    for (std::int64_t record = 0; record < records; ++record) {
      if (options_.kind == "rate") wait_until(began + static_cast<double>(record + 1) * workers_ / options_.at("rate"), hooks);
      values[0] = static_cast<double>(trial.record_steps[static_cast<std::size_t>(record)]);
      hooks.record(record, values);
    }
    return {TrialEnd::done, trial.cell.steps};
  }

 private:
  /// As a rank waits for its trainer: with a look for a stop every 20 ms.
  static void wait_until(double end, TrialHooks& hooks) {
    for (double left = end - monotonic_seconds(); left > 0; left = end - monotonic_seconds()) {
      std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.02)));
      hooks.stop_requested();
    }
  }

  const Options& options_;
  int rank_;
  int workers_;
};

/// Notes how long each assignment but the first took.
class TimedTransport final : public Transport {
 public:
  explicit TimedTransport(Transport& transport) : transport_(transport) {}

  std::optional<Assignment> next() override {
    const double asked = monotonic_seconds();
    const std::optional<Assignment> assignment = transport_.next();
    if (assignment && !first_) seconds.push_back(monotonic_seconds() - asked);
    first_ = false;
    return assignment;
  }
  void send(const WorkerMessage& message) override { transport_.send(message); }
  bool stop_requested() override { return transport_.stop_requested(); }

  std::vector<double> seconds;

 private:
  Transport& transport_;
  bool first_ = true;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// VmRSS or VmHWM of this process, in MB; Open MPI's shared memory is in it.
double memory_megabytes(const std::string& name) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  double kilobytes = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr)
    if (std::strncmp(line, name.c_str(), name.size()) == 0) kilobytes = std::atof(line + name.size() + 1);
  if (file != nullptr) std::fclose(file);
  return kilobytes / 1024;
}

std::string spread(std::vector<double> seconds) {
  if (seconds.empty()) return "none";
  std::sort(seconds.begin(), seconds.end());
  char text[128];
  std::snprintf(text, sizeof text, "median %.2f ms, 99 %% %.2f ms, longest %.1f ms (%zu)", 1e3 * seconds[seconds.size() / 2],
                1e3 * seconds[seconds.size() * 99 / 100], 1e3 * seconds.back(), seconds.size());
  return text;
}

ExitCode work(const Options& options, const Sweep& sweep, Communicator& communicator) {
  WorkerTransport transport(communicator);
  transport.receive_sweep();
  TimedTransport timed(transport);
  StandInRunner runner(options, communicator.rank(), communicator.size() - 1);
  run_worker(sweep, runner, timed, {{options.store()}});
  const ExitCode code = transport.wait_for_end();
  // A message longer than any worker's last ones: that is how rank 0 knows it.
  timed.seconds.resize(std::max<std::size_t>(timed.seconds.size(), 100), std::nan(""));
  const auto bytes = std::as_bytes(std::span(timed.seconds));
  communicator.send(0, Bytes(bytes.begin(), bytes.end()));
  communicator.flush();
  return code;
}

std::vector<double> collect_latencies(Communicator& communicator) {
  std::vector<double> all;
  Backoff backoff;
  for (int missing = communicator.size() - 1; missing > 0;) {
    const std::optional<Parcel> parcel = communicator.try_receive();
    if (!parcel) {
      backoff.wait();
      continue;
    }
    if (parcel->content.size() < 100 * sizeof(double)) continue;  // a worker's last WorkerReady
    std::vector<double> seconds(parcel->content.size() / sizeof(double));
    std::memcpy(seconds.data(), parcel->content.data(), parcel->content.size());
    std::copy_if(seconds.begin(), seconds.end(), std::back_inserter(all), [](double value) { return !std::isnan(value); });
    --missing;
  }
  return all;
}

ExitCode coordinate(const Options& options, const Sweep& sweep, const Catalog& catalog, Communicator& communicator) {
  const int workers = communicator.size() - 1;
  std::filesystem::remove_all(options.folder);
  std::filesystem::create_directories(options.folder);
  CoordinatorServer server(communicator);
  const double sent = monotonic_seconds();
  server.send_sweep(sweep);
  const double all_sent = monotonic_seconds();
  server.await_workers();
  const double ready = monotonic_seconds();
  Store store = Store::create(options.store(), sweep, utc_timestamp());
  EventLog events(StorePaths{options.store()}.events());
  Coordinator coordinator(sweep, store, events, CostModel(sweep, catalog), server.workers());
  timed_syncs() = {.delay_seconds = 1e-3 * options.at("sync_ms"), .seconds = {}};
  const double memory = memory_megabytes("VmRSS:");
  const double cpu = cpu_seconds();
  const double began = monotonic_seconds();
  std::vector<double> commits;
  double turn = began;
  std::int64_t turns = 0;
  server.serve(coordinator, [&](double now) {
    if (timed_syncs().last_end > turn) commits.push_back(timed_syncs().last_end - turn);
    turn = now;
    ++turns;
  });
  coordinator.commit();
  const double took = monotonic_seconds() - began;
  const double share = (cpu_seconds() - cpu) / took;
  store.close();
  server.end(coordinator.exit_code());
  const std::vector<double> latencies = collect_latencies(communicator);
  const Progress end = coordinator.progress();

  std::printf("%s: %d ranks, %lld trials, %lld records of %d values in %.2f s\n", options.kind.c_str(), workers + 1,
              static_cast<long long>(end.done), static_cast<long long>(end.records), kMeasured + 3, took);
  std::printf("  sweep of %zu bytes sent to all in %.1f ms, workers ready %.3f s later\n", sweep.text.size(), 1e3 * (all_sent - sent),
              ready - all_sent);
  std::printf("  committed: %.0f records/s, %.0f trials/s\n", static_cast<double>(end.records) / took, static_cast<double>(end.done) / took);
  std::printf("  assignment: %s\n", spread(latencies).c_str());
  std::printf("  commit: %s; fdatasync: %s\n", spread(commits).c_str(), spread(timed_syncs().seconds).c_str());
  std::printf("  rank 0: %.2f %% of a core, %.0f turns/s, memory %.0f MB at the start, %.0f MB at the peak\n", 100 * share,
              static_cast<double>(turns) / took, memory, memory_megabytes("VmHWM:"));
  const bool whole = end.done == sweep.trial_count() && end.records == end.done * static_cast<std::int64_t>(options.at("records"));
  if (!whole) std::printf("  NOT all of it arrived\n");
  return whole ? ExitCode::success : ExitCode::failure;
}

}  // namespace
}  // namespace edgesweep

int main(int count, char** arguments) {
  using namespace edgesweep;
  Session session;
  return static_cast<int>(session.run([&] {
    const Options options = read_options({arguments + 1, arguments + count});
    if (session.size() < 2) throw InputError("usage", "needs mpirun and two ranks or more");
    const StandInCatalog catalog(kMeasured);
    const Sweep sweep = stand_in_sweep(catalog, {.trials = trials_of(options, session.size() - 1),
                                                 .records = static_cast<std::int64_t>(options.at("records"))});
    Communicator communicator;
    return session.rank() == 0 ? coordinate(options, sweep, catalog, communicator) : work(options, sweep, communicator);
  }));
}
