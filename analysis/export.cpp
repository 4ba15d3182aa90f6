#include "analysis/export.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "analysis/boundary.hpp"
#include "analysis/load.hpp"
#include "analysis/phase.hpp"
#include "analysis/table_grid.hpp"
#include "analysis/table_text.hpp"
#include "analysis/trajectories.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/log.hpp"

namespace edgesweep {
namespace {

void check_request(const std::string& store, const std::string& format, const std::string& output) {
  if (format != "csv" && format != "json" && format != "nc") {
    throw InputError("--format", "found " + format + "; allowed are csv, json, nc");
  }
  if (output == "-") {
    if (format == "nc") throw InputError("-o", "found - (stdout), but nc needs a file");
    return;
  }
  std::error_code ignored;  // an output that does not exist yet is no store
  if (std::filesystem::equivalent(store, output, ignored)) {
    throw InputError("-o " + output, "is the store itself; name another file");
  }
  if (std::filesystem::is_directory(output, ignored))
    throw InputError("-o " + output, "is a directory; name a file");
  require_writable_directory(output);
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw SystemError("stdout", std::string("can't be written: ") + std::strerror(errno));
  }
}

}  // namespace

Table make_table(const SweepData& data, const std::string& name) {
  if (name == "trajectories") return trajectories_table(data);
  if (name != "phase" && name != "boundary") {
    throw InputError("--table", "found " + name + "; allowed are phase, trajectories, boundary");
  }
  const PhaseSummary phase = summarise_phase(data);
  return name == "phase" ? phase_table(data, phase) : boundary_table(data, summarise_boundaries(data, phase));
}

void export_table(const std::string& store, const std::string& table, const std::string& format,
                  const std::string& output) {
  check_request(store, format, output);
  const SweepData data = load_sweep_data(StoreReader(store));
  const Table made = make_table(data, table);
  if (format == "nc") {
    TableFile file = table_grid(made);
    file.attributes.emplace_back("sweep", data.name);
    file.attributes.emplace_back("sweep_digest", data.digest);
    write_table_file(output, file);
  } else {
    const std::string text = format == "csv" ? csv_text(made) : json_text(made);
    if (output == "-") {
      print(text);
    } else {
      write_file_atomically(output, std::string_view(text));
    }
  }
  log_info(table + " table of " + store + ": " + std::to_string(made.rows.size()) + " rows to " +
           (output == "-" ? "stdout" : output));
}

}  // namespace edgesweep
