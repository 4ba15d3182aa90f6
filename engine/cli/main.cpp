#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "engine/cli/commands.hpp"
#include "engine/cli/versions.hpp"
#include "engine/mpi/session.hpp"

namespace {

using edgesweep::ExitCode;

/// Help and versions go to stdout; a usage error is one line, also when every rank of an MPI job makes the same one.
ExitCode usage(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error);
    return ExitCode::success;
  }
  const edgesweep::Session session;
  if (session.rank() == 0) {
    std::string line = error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    edgesweep::log_error(line + "; see edgesweep --help");
  }
  return ExitCode::bad_input;
}

/// A program started with a closed stdin, stdout or stderr would get its number for the next file it opens, a store maybe,
/// and print into that.
void keep_standard_descriptors() {
  int descriptor = 0;
  do {
    descriptor = open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) {
    close(descriptor);
  }
}

/// Freed memory stays with the process. By default the C library maps every large tensor anew and returns it when freed, so
/// that each vector of a large model's parameters is paid for in page faults, often dearer than its arithmetic.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

ExitCode run_command_line(int argc, char** argv) {
  CLI::App app("Learning-rate × batch-size phase diagrams of SGD", "edgesweep");
  app.require_subcommand(1);
  app.set_version_flag("--version", [] { return edgesweep::version_line(); });
  ExitCode code = ExitCode::success;
  edgesweep::add_run_command(app, code);
  edgesweep::add_plan_command(app, code);
  edgesweep::add_status_command(app, code);
  edgesweep::add_export_command(app, code);
  edgesweep::add_plot_command(app, code);
  edgesweep::add_merge_command(app, code);
  edgesweep::add_extend_command(app, code);
  edgesweep::add_knorm_command(app, code);
  edgesweep::add_data_command(app, code);
  edgesweep::add_info_command(app, code);
  edgesweep::add_trainer_command(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage(app, error);
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_descriptors();
  keep_freed_memory();
  try {
    return static_cast<int>(run_command_line(argc, argv));
  } catch (const edgesweep::InputError& error) {
    edgesweep::log_error(error.what());
    return static_cast<int>(ExitCode::bad_input);
  } catch (const std::exception& error) {
    edgesweep::log_error(edgesweep::one_line(error.what()));
    return static_cast<int>(ExitCode::failure);
  }
}
