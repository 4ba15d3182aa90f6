// The coordinator and its store at scale: simulated workers on a virtual clock, the real Coordinator, Store and journal.
// usage: bench_scheduler FOLDER [WORKERS TRIALS [TIMES [SEED]]]     without them: all cases of docs/performance.md
// TIMES of the trials:
//   batches  differ by a factor of 512 between batch sizes (1000 s the longest), and by a log-normal factor that nobody can know, sigma 0.2
//   skewed   log-uniform over three decades (50 batch sizes with 1000 to 1,000,000 steps), unknown factor with sigma 0.2
//   wild     log-uniform over three decades, unknown factor with sigma 0.5
//   blind    log-uniform over three decades, and the prediction knows nothing of it
// Each batch size has a factor of its own, 0.5 to 2, that the cost model has to learn. A trial sends 10 records. Printed:
// processor and wall time of the coordinator per assignment, records a second sustained, peak memory, and the makespan on
// the virtual clock over max(work / workers, longest trial).
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
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
constexpr std::int64_t kSeeds = 10, kRecords = 10;

struct End {
  double time;
  int worker;
  std::int64_t trial;
  bool operator>(const End& other) const { return time > other.time; }
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Times {
  std::string name;
  bool by_steps;       ///< three decades by the number of steps; else by batch size
  double sigma;        ///< of the factor that nobody can know
  bool blind = false;  ///< the three decades are unknown, too
  std::uint64_t random_seed = 1;
};

const std::vector<Times> kTimes{{"batches", false, 0.2}, {"skewed", true, 0.2}, {"wild", true, 0.5}, {"blind", false, 0, true}};

Times times_of(const std::string& name) {
  for (const Times& times : kTimes)
    if (times.name == name) return times;
  throw InputError(name, "is none of batches, skewed, wild, blind");
}

/// Seconds that each trial really takes.
std::vector<double> durations(const Sweep& sweep, const Catalog& catalog, const Times& times) {
  std::mt19937_64 random(times.random_seed);
  std::normal_distribution<double> unknown(0.0, 1.0);
  std::uniform_real_distribution<double> mistake(0.5, 2.0), decades(-3.0, 0.0);
  std::map<std::int64_t, double> learnable;
  std::vector<double> seconds;
  for (std::int64_t trial = 0; trial < sweep.trial_count(); ++trial) {
    const Cell& cell = sweep.cells[static_cast<std::size_t>(trial / kSeeds)];
    const double factor = learnable.try_emplace(cell.batch, mistake(random)).first->second;
    const double predicted = catalog.predicted_cost({}, {}, cell.batch).seconds_per_step * static_cast<double>(cell.steps);
    seconds.push_back(times.blind ? 1e3 * std::pow(10, decades(random))
                                  : predicted * factor * std::exp(times.sigma * unknown(random)));
  }
  return seconds;
}

void simulate(const std::string& folder, int workers, std::int64_t trials, const Times& times) {
  const std::string path = folder + "/scale.h5";
  for (const char* suffix : {"", ".events.jsonl"}) std::filesystem::remove(path + suffix);
  const StandInCatalog catalog(3, times.by_steps || times.blind ? 0 : 1);
  StandInSizes sizes{.trials = trials, .records = kRecords, .seeds = kSeeds};
  if (times.by_steps) {
    sizes.batches.clear();
    sizes.steps.clear();
    for (int level = 0; level < 50; ++level) {
      sizes.batches.push_back(level + 1);
      sizes.steps.push_back(std::llround(1e3 * std::pow(10, 3 * level / 49.0)));
    }
  }
  const Sweep sweep = stand_in_sweep(catalog, sizes);
  const std::vector<double> duration = durations(sweep, catalog, times);
  const double work = std::accumulate(duration.begin(), duration.end(), 0.0);
  const double longest = *std::max_element(duration.begin(), duration.end());

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
    for (std::int64_t record = 0; record < kRecords; ++record) {
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
  std::printf("%d workers, %lld trials, %s: set-up %.2f s; %.0f records/s, %.0f trials/s sustained in %.1f s; assignment median %.1f us, 99 %% %.1f us; "
              "peak memory %ld MB; makespan %.4f of the lower bound\n",
              workers, static_cast<long long>(sweep.trial_count()), times.name.c_str(), set_up,
              static_cast<double>(kRecords * sweep.trial_count()) / took, static_cast<double>(sweep.trial_count()) / took, took,
              1e6 * assignment_seconds[assignment_seconds.size() / 2], 1e6 * assignment_seconds[assignment_seconds.size() * 99 / 100],
              usage.ru_maxrss / 1024, now / bound);
}

}  // namespace
}  // namespace edgesweep

int main(int count, char** arguments) {
  using namespace edgesweep;
  if (count != 2 && (count < 4 || count > 6)) {
    std::fprintf(stderr, "usage: bench_scheduler FOLDER [WORKERS TRIALS [batches|skewed|wild|blind [SEED]]]\n");
    return 2;
  }
  const std::string folder = arguments[1];
  if (count > 2) {
    Times times = times_of(count > 4 ? arguments[4] : "batches");
    if (count > 5) times.random_seed = std::stoull(arguments[5]);
    simulate(folder, std::stoi(arguments[2]), std::stoll(arguments[3]), times);
    return 0;
  }
  simulate(folder, 1000, 100000, times_of("batches"));
  for (const Times& times : kTimes) simulate(folder, 256, 5000, times);
  return 0;
}
