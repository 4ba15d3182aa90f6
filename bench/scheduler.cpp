// The coordinator and its store at scale: simulated workers on a virtual clock, the real Coordinator, Store and journal.
// usage: bench_scheduler FOLDER [WORKERS TRIALS]...   default: 1000 100000, then 256 5000
//
// Batch sizes differ by a factor of 512 in the time of a trial, with factors that the cost model has to learn, and trials of one
// batch size by a log-normal factor that nobody can know (sigma 0.2). A trial sends 10 records. Printed: processor and wall time of the coordinator per assignment and per record,
// records a second sustained, peak memory, and the makespan on the virtual clock over max(work / workers, longest trial).
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "bench/stand_in.hpp"
#include "engine/base/clock.hpp"
#include "engine/schedule/coordinator.hpp"

namespace edgesweep {
namespace {

constexpr double kTurnSeconds = 1e-3;
constexpr std::int64_t batches = 10, seeds = 10, records = 10;

struct End {
  double time;
  int worker;
  std::int64_t trial;
  bool operator>(const End& other) const { return time > other.time; }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void simulate(const std::string& folder, int workers, std::int64_t trials) {
  const std::string path = folder + "/scale.h5";
  for (const char* suffix : {"", ".events.jsonl"}) std::filesystem::remove(path + suffix);
  const StandInCatalog catalog(3);
  const Sweep sweep = stand_in_sweep(catalog, trials, records, batches, seeds);
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> unknown(0.0, 0.2);
  std::uniform_real_distribution<double> mistake(0.5, 2.0);
  std::map<std::int64_t, double> learnable;
  std::vector<double> duration;
  double work = 0, longest = 0;
  for (std::int64_t trial = 0; trial < sweep.trial_count(); ++trial) {
    const std::int64_t batch = sweep.cells[static_cast<std::size_t>(trial / seeds)].batch;
    const double factor = learnable.try_emplace(batch, mistake(random)).first->second;
    duration.push_back(10 * static_cast<double>(batch) * factor * unknown(random));
    work += duration.back();
    longest = std::max(longest, duration.back());
  }

  const auto start = std::chrono::steady_clock::now();
  Store store = Store::create(path, sweep, utc_timestamp());
  EventLog events(path + ".events.jsonl");
  std::set<int> crew;
  for (int worker = 1; worker <= workers; ++worker) crew.insert(worker);
  Coordinator coordinator(sweep, store, events, CostModel(sweep, catalog), crew);
  const double set_up = seconds_since(start);

  const auto began = std::chrono::steady_clock::now();
  std::priority_queue<End, std::vector<End>, std::greater<>> running;
  double now = 0;
  double next_tick = 0;
  for (const int worker : crew) coordinator.on_message(worker, WorkerReady{});
  std::vector<double> assignment_seconds;
  const std::vector<double> values{0, 0, 0.1, 0.5, 0.7, 20};
  while (true) {
    const auto asked = std::chrono::steady_clock::now();
    const std::vector<Dispatch> dispatches = coordinator.dispatch();
    if (!dispatches.empty()) {
      assignment_seconds.push_back(seconds_since(asked) / static_cast<double>(dispatches.size()));
    }
    for (const Dispatch& dispatch : dispatches) {
      const std::int64_t trial = dispatch.assignment.trial;
      running.push({now + duration[static_cast<std::size_t>(trial)], dispatch.worker, trial});
    }
    if (running.empty()) break;
    const End end = running.top();
    running.pop();
    now = end.time;
    coordinator.on_message(end.worker, TrialStarted{end.trial, false});
    for (std::int64_t record = 0; record < records; ++record) {
      coordinator.on_message(end.worker, TrialRecord{end.trial, record, values});
    }
    coordinator.on_message(end.worker, TrialFinished{end.trial, false, 10000, duration[static_cast<std::size_t>(end.trial)]});
    coordinator.on_message(end.worker, WorkerReady{});
    // Messages that came during a commit are taken together, as by the MPI server's loop.
    if (const double real = monotonic_seconds(); real >= next_tick) {
      coordinator.tick(real);
      next_tick = monotonic_seconds() + kTurnSeconds;
    }
  }
  coordinator.commit();
  store.close();
  const double took = seconds_since(began);
  std::sort(assignment_seconds.begin(), assignment_seconds.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double bound = std::max(work / workers, longest);
  std::printf("%d workers, %lld trials: set-up %.2f s; %.0f records/s, %.0f trials/s sustained in %.1f s; assignment median %.1f us, 99 %% %.1f us; "
              "peak memory %ld MB; makespan %.4f of the lower bound\n",
              workers, static_cast<long long>(sweep.trial_count()), set_up,
              static_cast<double>(records * sweep.trial_count()) / took, static_cast<double>(sweep.trial_count()) / took, took,
              1e6 * assignment_seconds[assignment_seconds.size() / 2], 1e6 * assignment_seconds[assignment_seconds.size() * 99 / 100],
              usage.ru_maxrss / 1024, now / bound);
}

}  // namespace
}  // namespace edgesweep

int main(int count, char** arguments) {
  if (count < 2 || count % 2 != 0) {
    std::fprintf(stderr, "usage: bench_scheduler FOLDER [WORKERS TRIALS]...\n");
    return 2;
  }
  const std::string folder = arguments[1];
  if (count == 2) {
    edgesweep::simulate(folder, 1000, 100000);
    edgesweep::simulate(folder, 256, 5000);
  }
  for (int at = 2; at + 1 < count; at += 2) edgesweep::simulate(folder, std::atoi(arguments[at]), std::atoll(arguments[at + 1]));
  return 0;
}
