#include "engine/schedule/extend.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"
#include "engine/cli/commands.hpp"
#include "engine/store/stored_sweep.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store_lock.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

struct ExtendOptions {
  std::string store;
  std::string sweep;
  std::string out;
  std::vector<std::string> overrides;
};

ExitCode run_extend(const ExtendOptions& options) {
  const auto catalog = make_catalog();
  const Sweep new_sweep = load_sweep(options.sweep, options.overrides, *catalog);
  const Sweep old_sweep = stored_sweep(options.store, *catalog);
  require_writable_directory(options.out);
  if (std::filesystem::exists(options.out)) throw InputError(options.out, "exists already; name another -o");
  const StoreLock lock = StoreLock::acquire(StorePaths{options.out}.lock(), false);
  const ExtendReport report = extend_store(old_sweep, options.store, new_sweep, options.out, utc_timestamp());
  log_info(options.out + ": " + std::to_string(report.kept) + " of " + std::to_string(report.trials) +
           " trials finished already, " + std::to_string(report.continued) + " go on from where they were, " +
           std::to_string(report.trials - report.kept - report.continued) + " are new; " + std::to_string(report.left) +
           " finished ones of " + options.store + " have no place in the new sweep");
  return ExitCode::success;
}

}  // namespace

void add_extend_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<ExtendOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("extend", "Make the store of a changed sweep that keeps what was finished");
  command->add_option("store", options->store, "Store of the sweep before the change")->required();
  command->add_option("sweep", options->sweep, "The changed sweep file (JSON)")->required();
  command->add_option("-o,--out", options->out, "Store to make; go on in it with edgesweep run --resume")->required();
  command->add_option("--set", options->overrides, "Change a value of the sweep file: path=value; may be repeated")
      ->allow_extra_args(false);
  command->callback([options, &code] { code = run_extend(*options); });
}

}  // namespace edgesweep
