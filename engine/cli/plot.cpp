#include "analysis/plot.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/cli/commands.hpp"

namespace edgesweep {
namespace {

struct PlotOptions {
  std::string store;
  std::string directory;
  std::optional<std::int64_t> batch;
};

}  // namespace

void add_plot_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<PlotOptions>();  // lives as long as the callback
  CLI::App* command = app.add_subcommand(
      "plot", "Draw phase planes, trajectories and checks of theory of a store as SVG and PNG");
  command->add_option("store", options->store, "Store, S.h5")->required();
  command->add_option("-o,--output", options->directory, "Directory for the pictures; made if missing")
      ->required();
  command->add_option("--batch", options->batch,
                      "Batch size of the trajectories and stability measures (default: the smallest of those "
                      "with most cells)");
  command->callback([options, &code] {
    plot_store(options->store, options->directory, options->batch);
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
