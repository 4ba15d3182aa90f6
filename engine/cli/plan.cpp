#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/cli/commands.hpp"
#include "engine/cli/progress_line.hpp"
#include "engine/schedule/ordering.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

struct PlanOptions {
  std::string sweep;
  std::vector<std::string> overrides;
  int workers = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  bool json = false;
};

/// {"name", "trials", "cells", "records", "workers", "predicted_seconds", "makespan_seconds", "efficiency",
///  "batches": [{"batch", "cells", "trials", "steps", "predicted_seconds"}]}
Json plan(const Sweep& sweep, const Catalog& catalog, int workers) {
  const std::vector<TrialSize> sizes = trial_sizes(sweep);
  const std::vector<double> seconds = trial_seconds(sizes, CostModel(sweep, catalog));
  const Makespan makespan = list_schedule(seconds, workers);
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
  return {{"name", sweep.name},
          {"trials", sweep.trial_count()},
          {"cells", sweep.cells.size()},
          {"records", records},
          {"workers", workers},
          {"predicted_seconds", makespan.work_seconds},
          {"makespan_seconds", makespan.seconds},
          {"efficiency", makespan.efficiency},
          {"batches", batches}};
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
}

}  // namespace

void add_plan_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<PlanOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("plan", "Trials, predicted cost and makespan of a sweep; runs nothing");
  command->add_option("sweep", options->sweep, "Sweep file (JSON)")->required();
  command->add_option("--workers", options->workers, "Workers to plan for (default: the cores of this machine)")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command->add_option("--set", options->overrides, "Change a value of the sweep file: path=value; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &code] {
    const std::unique_ptr<Catalog> catalog = make_catalog();
    const Json result = plan(load_sweep(options->sweep, options->overrides, *catalog), *catalog, options->workers);
    if (options->json) {
      std::cout << result.dump(2) << std::endl;
    } else {
      print_plan(result);
    }
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
