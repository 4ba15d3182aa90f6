#include "analysis/export.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "engine/cli/commands.hpp"

namespace edgesweep {
namespace {

struct ExportOptions {
  std::string store;
  std::string table;
  std::string format = "csv";
  std::string output = "-";
};

}  // namespace

void add_export_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<ExportOptions>();  // lives as long as the callback
  CLI::App* command =
      app.add_subcommand("export", "Write a table of a store, also of one that is being written");
  command->add_option("store", options->store, "Store, S.h5")->required();
  command
      ->add_option("--table", options->table,
                   "phase (one row a cell), trajectories (a record), boundary (a batch)")
      ->required()
      ->check(CLI::IsMember({"phase", "trajectories", "boundary"}));
  command->add_option("--format", options->format, "csv, json or nc (netCDF-4)")
      ->capture_default_str()
      ->check(CLI::IsMember({"csv", "json", "nc"}));
  command->add_option("-o,--output", options->output, "File, or - for stdout")->capture_default_str();
  command->callback([options, &code] {
    export_table(options->store, options->table, options->format, options->output);
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
