#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "engine/cli/commands.hpp"
#include "engine/cli/store_status.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

/// One character for the trials of a cell: what needs a look comes first.
char cell_mark(const Json& counts) {
  const auto has = [&](const char* status) { return counts.at(status).get<std::int64_t>() > 0; };
  if (has("failed")) {
    return 'F';
  }
  if (has("running")) {
    return '>';
  }
  if (has("pending")) {
    return has("done") || has("diverged") ? '-' : '.';
  }
  if (has("diverged")) {
    return has("done") ? '%' : 'x';
  }
  return has("done") ? '#' : ' ';
}

/// A row a batch size, a column a learning rate.
void print_cells(const Json& cells) {
  std::fprintf(stderr, "\n%8s  %-22s  cells by increasing eta\n", "B", "eta");
  for (std::size_t first = 0; first < cells.size();) {
    std::size_t end = first;
    std::string marks;
    for (; end < cells.size() && cells[end].at("batch") == cells[first].at("batch"); ++end) {
      marks += cell_mark(cells[end].at("counts"));
    }
    char range[64];
    std::snprintf(range, sizeof range, "%.3g .. %.3g", cells[first].at("eta").get<double>(),
                  cells[end - 1].at("eta").get<double>());
    std::fprintf(stderr, "%8lld  %-22s  %s\n", cells[first].at("batch").get<long long>(), range, marks.c_str());
    first = end;
  }
  std::fprintf(stderr, "%8s  # done   x diverged   %% both   - some to do   . pending   > running   F failed\n", "");
}

void print_status(const Json& status) {
  const Json& counts = status.at("counts");
  const auto shard = status.at("shard").get<std::string>();
  std::fprintf(stderr, "%s: %lld trials%s: ", status.at("name").get<std::string>().c_str(),
               status.at("trials").get<long long>(), shard.empty() ? "" : (" of shard " + shard).c_str());
  for (const char* name : {"done", "diverged", "running", "pending", "failed"}) {
    std::fprintf(stderr, "%lld %s%s", counts.at(name).get<long long>(), name,
                 std::string(name) == "failed" ? "\n" : ", ");
  }
  if (counts.at("running").get<long long>() > 0 && !status.at("owned").get<bool>()) {
    std::fprintf(stderr, "no process owns the store: what is marked running was interrupted; go on with --resume\n");
  }
  const auto total = status.at("records").at("total").get<long long>();
  const auto done = status.at("records").at("done").get<long long>();
  std::fprintf(stderr, "records %lld of %lld (%.1f %%)\n", done, total,
               total > 0 ? 100.0 * static_cast<double>(done) / static_cast<double>(total) : 100.0);
  print_cells(status.at("cells"));
  for (const Json& failure : status.at("failures")) {
    std::fprintf(stderr, "failed: B = %lld, eta = %.6g, seed %lld, %lld attempts: %s\n",
                 failure.at("batch").get<long long>(), failure.at("eta").get<double>(),
                 failure.at("seed").get<long long>(), failure.at("attempts").get<long long>(),
                 failure.at("reason").get<std::string>().c_str());
  }
}

struct StatusOptions {
  std::string store;
  bool json = false;
};

}  // namespace

void add_status_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<StatusOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("status", "How far a sweep is, and what failed, also while it runs");
  command->add_option("store", options->store, "Store, S.h5")->required();
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &code] {
    const Json status = store_status(options->store, *make_catalog());
    if (options->json) {
      std::cout << status.dump(2) << std::endl;
    } else {
      print_status(status);
    }
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
