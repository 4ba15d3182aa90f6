#pragma once

#include "engine/base/error.hpp"

namespace CLI {
class App;
}

namespace edgesweep {

/// Each adds one subcommand; when that is chosen, its callback runs it and sets `code`. Callbacks may throw Error.
/// One file a command.
void add_run_command(CLI::App& app, ExitCode& code);
void add_plan_command(CLI::App& app, ExitCode& code);
void add_status_command(CLI::App& app, ExitCode& code);
void add_export_command(CLI::App& app, ExitCode& code);
void add_plot_command(CLI::App& app, ExitCode& code);
void add_merge_command(CLI::App& app, ExitCode& code);
void add_extend_command(CLI::App& app, ExitCode& code);
void add_knorm_command(CLI::App& app, ExitCode& code);
void add_data_command(CLI::App& app, ExitCode& code);
void add_info_command(CLI::App& app, ExitCode& code);
void add_trainer_command(CLI::App& app, ExitCode& code);  ///< hidden: ranks of `run` start it

}  // namespace edgesweep
