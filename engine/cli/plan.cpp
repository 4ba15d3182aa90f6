#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/cli/batch_line.hpp"
#include "engine/cli/commands.hpp"
#include "engine/display/duration.hpp"
#include "engine/schedule/ordering.hpp"
#include "engine/schedule/shard.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

struct PlanOptions {
  std::string sweep;
  std::vector<std::string> overrides;
  int workers = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  int shards = 0;  ///< jobs of an array; 0: one job
  bool json = false;
};

/// The longest predicted time of the shards of a sweep, each with its own workers.
double shards_makespan(const Sweep& sweep, const Catalog& catalog, const std::vector<double>& seconds,
                       const PlanOptions& options) {
  double longest = 0;
  for (int index = 1; index <= options.shards; ++index) {
    const std::vector<bool> mine = trials_of_shard(sweep, catalog, {index, options.shards});
    std::vector<double> of_shard;
    for (std::size_t trial = 0; trial < seconds.size(); ++trial) {
      if (mine[trial]) of_shard.push_back(seconds[trial]);
    }
    longest = std::max(longest, list_schedule(of_shard, options.workers).seconds);
  }
  return longest;
}

/// {"name", "trials", "cells", "records", "workers", "predicted_seconds", "makespan_seconds", "efficiency",
///  "batches": [{"batch", "cells", "trials", "steps", "predicted_seconds"}],
///  "slurm": {"walltime_seconds", "submit": [lines for a shell]}}
Json plan(const Sweep& sweep, const Catalog& catalog, const PlanOptions& options) {
  const std::vector<TrialSize> sizes = trial_sizes(sweep);
  std::vector<double> seconds = trial_seconds(sizes, CostModel(sweep, catalog));
  for (double& of_trial : seconds) of_trial /= static_cast<double>(sweep.ranks_per_trial);
  const Makespan makespan = list_schedule(seconds, options.workers);
  std::int64_t records = 0;
  Json batches = Json::array();
  for (std::size_t trial = 0; trial < sizes.size(); ++trial) {
    if (batches.empty() || batches.back().at("batch") != sizes[trial].batch) {
      batches.push_back({{"batch", sizes[trial].batch}, {"trials", 0}, {"steps", 0}, {"predicted_seconds", 0.0}});
    }
    Json& batch = batches.back();
    batch["trials"] = batch.at("trials").get<std::int64_t>() + 1;
    batch["steps"] = batch.at("steps").get<std::int64_t>() + sizes[trial].steps;
    batch["predicted_seconds"] = batch.at("predicted_seconds").get<double>() + seconds[trial];
    records += sizes[trial].records;
  }
  for (Json& batch : batches) {
    batch["cells"] = batch.at("trials").get<std::int64_t>() / static_cast<std::int64_t>(sweep.seeds.size());
  }
  const auto ranks = static_cast<int>(options.workers * sweep.ranks_per_trial);
  BatchJob job{options.sweep, sweep.name + ".h5", options.overrides, ranks, options.shards, makespan.seconds};
  Json lines = Json::array();
  if (options.shards > 0) {
    job.predicted_seconds = shards_makespan(sweep, catalog, seconds, options);
    lines = {batch_line(job), merge_line(job)};
  } else {
    lines = {batch_line(job)};
  }
  return {{"name", sweep.name},
          {"trials", sweep.trial_count()},
          {"cells", sweep.cells.size()},
          {"records", records},
          {"workers", options.workers},
          {"predicted_seconds", makespan.work_seconds},
          {"makespan_seconds", makespan.seconds},
          {"efficiency", makespan.efficiency},
          {"batches", batches},
          {"slurm", {{"walltime_seconds", walltime_seconds(job.predicted_seconds)}, {"submit", lines}}}};
}

void print_plan(const Json& plan) {
  std::fprintf(stderr, "%s: %lld trials in %lld cells, %lld records\n\n", plan.at("name").get<std::string>().c_str(),
               plan.at("trials").get<long long>(), plan.at("cells").get<long long>(),
               plan.at("records").get<long long>());
  std::fprintf(stderr, "%8s %8s %8s %14s  %s\n", "B", "cells", "trials", "steps", "predicted");
  for (const Json& batch : plan.at("batches")) {
    std::fprintf(stderr, "%8lld %8lld %8lld %14lld  %s\n", batch.at("batch").get<long long>(),
                 batch.at("cells").get<long long>(), batch.at("trials").get<long long>(),
                 batch.at("steps").get<long long>(),
                 duration_text(batch.at("predicted_seconds").get<double>()).c_str());
  }
  std::fprintf(stderr, "\nworkers %d: makespan %s, efficiency %.0f %% (work %s; rough until trials have run here)\n",
               plan.at("workers").get<int>(), duration_text(plan.at("makespan_seconds").get<double>()).c_str(),
               100 * plan.at("efficiency").get<double>(),
               duration_text(plan.at("predicted_seconds").get<double>()).c_str());
  std::fprintf(stderr, "\nSlurm, with twice the predicted time and 2 minutes for the last checkpoints:\n");
  for (const Json& line : plan.at("slurm").at("submit")) {
    std::fprintf(stderr, "  %s\n", line.get<std::string>().c_str());
  }
}

}  // namespace

void add_plan_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<PlanOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("plan", "Trials, predicted cost and makespan of a sweep, and its sbatch line; runs nothing");
  command->add_option("sweep", options->sweep, "Sweep file (JSON)")->required();
  command->add_option("--workers", options->workers, "Workers to plan for, each of ranks_per_trial ranks (default: the cores of this machine)")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command->add_option("--shards", options->shards, "Jobs of a Slurm job array to plan for, each with its own workers")
      ->check(CLI::Range(1, 10'000).description(""));
  command->add_option("--set", options->overrides, "Change a value of the sweep file: path=value; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &code] {
    const std::unique_ptr<Catalog> catalog = make_catalog();
    const Json result = plan(load_sweep(options->sweep, options->overrides, *catalog), *catalog, *options);
    if (options->json) {
      std::cout << result.dump(2) << std::endl;
    } else {
      print_plan(result);
    }
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
