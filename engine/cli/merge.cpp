#include "engine/schedule/merge.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/log.hpp"
#include "engine/cli/commands.hpp"
#include "engine/store/stored_sweep.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store_lock.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

struct MergeOptions {
  std::string out;
  std::vector<std::string> parts;
  bool take_over = false;
};

ExitCode run_merge(const MergeOptions& options) {
  const auto catalog = make_catalog();
  const Sweep sweep = stored_sweep(options.parts.front(), *catalog);
  for (const std::string& part : options.parts) {
    if (part != options.out && is_owned(StorePaths{part}.lock())) {
      log_warning(part + " is being written: what it has committed so far is merged");
    }
  }
  const StoreLock lock = StoreLock::acquire(StorePaths{options.out}.lock(), options.take_over);
  const MergeReport report = merge_stores(sweep, options.parts, options.out);
  for (const std::string& disagreement : report.disagreements) {
    log_warning("finished twice with different records: " + disagreement);
  }
  const std::int64_t left = report.trials - report.finished - report.failed;
  log_info(options.out + ": " + std::to_string(report.finished) + " of " + std::to_string(report.trials) +
           " trials finished, " + std::to_string(report.failed) + " failed, " + std::to_string(left) + " to do" +
           (left > 0 ? "; go on with edgesweep run --resume" : ""));
  return ExitCode::success;
}

}  // namespace

void add_merge_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<MergeOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("merge", "Merge the stores of a sweep's shards into one");
  command->add_option("out", options->out, "Store to make; if it exists it is merged too")->required();
  command->add_option("parts", options->parts, "Stores of the same sweep, in any order")->required();
  command->add_flag("--take-over", options->take_over, "Take the store even if its owner may still be alive");
  command->callback([options, &code] { code = run_merge(*options); });
}

}  // namespace edgesweep
