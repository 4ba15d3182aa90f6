#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "engine/cli/commands.hpp"
#include "engine/cli/terminal.hpp"
#include "engine/cli/watch.hpp"
#include "engine/display/status_text.hpp"
#include "engine/display/store_status.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

constexpr double kWatchSeconds = 2;
constexpr double kFewestSeconds = 0.1;
constexpr double kMostSeconds = 86400;

struct StatusOptions {
  std::string store;
  bool json = false;
  std::string watch;  ///< what follows --watch; may be the store
};

std::optional<double> read_number(const std::string& text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

/// Seconds between two looks. `--watch S.h5` is not a number but the store, if nothing else is.
double watch_seconds(StatusOptions& options) {
  if (options.watch.empty()) {
    return kWatchSeconds;
  }
  const std::optional<double> seconds = read_number(options.watch);
  if (!seconds && options.store.empty()) {
    options.store = options.watch;
    return kWatchSeconds;
  }
  if (!seconds || !(*seconds >= kFewestSeconds && *seconds <= kMostSeconds)) {
    throw InputError("--watch", "is \"" + options.watch + "\"; must be from 0.1 to 86400 seconds");
  }
  return *seconds;
}

ExitCode show_status(const StatusOptions& options) {
  const Json status = store_status(options.store, *make_catalog());
  if (options.json) {
    std::cout << status.dump(2) << std::endl;
  } else {
    const std::string text = status_text(status, {.width = terminal_size().width});
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return ExitCode::success;
}

}  // namespace

void add_status_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<StatusOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand("status", "How a sweep stands, who does what, and what failed, also while it runs");
  command->add_option("store", options->store, "Store, S.h5 (required)");
  CLI::Option* watch = command->add_option("--watch", options->watch,
                                           "Show it again every so many seconds (2) until nobody runs the sweep any more")
                           ->type_name("[SECONDS]")
                           ->expected(0, 1);
  command->add_flag("--json", options->json, "One JSON document on stdout; with --watch one a line");
  command->callback([options, watch, &code] {
    const bool watched = watch->count() > 0;
    const double seconds = watched ? watch_seconds(*options) : 0;
    if (options->store.empty()) {
      throw CLI::RequiredError("store");
    }
    code = watched ? watch_status(options->store, *make_catalog(), seconds, options->json) : show_status(*options);
  });
}

}  // namespace edgesweep
