#include "workers/training/phases.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "workers/data/philox.hpp"
#include "workers/training/changes.hpp"
#include "workers/training/fork.hpp"

namespace edgesweep {
namespace {

Schedule times(Schedule schedule, double factor) {
  return [schedule = std::move(schedule), factor](std::int64_t step, double lambda_max) {
    return schedule(step, lambda_max) * factor;
  };
}

}  // namespace

std::vector<Phase> phases_of(const Json& experiment, const Trial& trial, std::int64_t examples) {
  const auto schedule = [&](double eta, std::int64_t steps, std::int64_t batch) {
    return make_schedule(experiment.at("schedule"), eta, {steps, examples / batch});
  };
  const Cell& cell = trial.cell;
  std::vector<Phase> phases;
  Phase own{0, cell.batch, random_key(trial.key), schedule(cell.eta, cell.steps, cell.batch)};
  if (const auto fork = fork_of(experiment)) {
    phases.push_back({0, fork->batch, random_key(fork->key), schedule(fork->eta, fork->steps, fork->batch)});
    own.first_step = fork->step;
    if (fork->seed == trial.seed) own.random_key = random_key(fork->key);
  }
  phases.push_back(std::move(own));
  for (const Change& change : changes_of(experiment)) {
    Phase next = phases.back();
    next.first_step = change.step;
    next.batch = change.batch.value_or(next.batch);
    if (change.eta_times != 1) next.schedule = times(std::move(next.schedule), change.eta_times);
    phases.push_back(std::move(next));
  }
  return phases;
}

const Phase& phase_at(const std::vector<Phase>& phases, std::int64_t step) {
  const auto next = std::upper_bound(phases.begin(), phases.end(), step,
                                     [](std::int64_t value, const Phase& phase) { return value < phase.first_step; });
  return *std::prev(next);
}

std::int64_t samples_before(const std::vector<Phase>& phases, std::int64_t step) {
  std::int64_t samples = 0;
  for (std::size_t i = 0; i < phases.size() && phases[i].first_step < step; ++i) {
    const std::int64_t end = i + 1 < phases.size() ? std::min(step, phases[i + 1].first_step) : step;
    samples += (end - phases[i].first_step) * phases[i].batch;
  }
  return samples;
}

}  // namespace edgesweep
