#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "engine/cli/commands.hpp"
#include "engine/cli/versions.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

/// dependency_versions() with "cores", "blas" and "devices" as in compute_info().
Json machine_info() {
  Json info = dependency_versions();
  const Json compute = compute_info(true);
  info["cores"] = std::thread::hardware_concurrency();
  info["blas"] = compute.at("blas");
  info["devices"] = compute.at("devices");
  return info;
}

void print_info(const Json& info) {
  for (const char* part : {"edgesweep", "libtorch", "hdf5", "mpi", "compiler"}) {
    std::fprintf(stderr, "%-10s %s\n", part, info.at(part).get<std::string>().c_str());
  }
  const Json& blas = info.at("blas");
  std::fprintf(stderr, "%-10s %s: %.0f GFLOP/s float32, %.0f float64 with %d thread%s%s\n", "blas",
               blas.at("name").get<std::string>().c_str(), blas.at("gflops_float32").get<double>(),
               blas.at("gflops_float64").get<double>(), blas.at("threads").get<int>(),
               blas.at("threads").get<int>() == 1 ? "" : "s",
               blas.at("is_reference").get<bool>() ? "; the reference BLAS, install OpenBLAS" : "");
  std::fprintf(stderr, "%-10s %u\n", "cores", info.at("cores").get<unsigned>());
  for (const Json& device : info.at("devices")) {
    std::fprintf(stderr, "%-10s %s\n", "device", device.at("name").get<std::string>().c_str());
  }
}

}  // namespace

void add_info_command(CLI::App& app, ExitCode& code) {
  auto json = std::make_shared<bool>(false);  // lives as long as the callback
  CLI::App* command = app.add_subcommand("info", "Versions of all dependencies, BLAS and its speed, devices, MPI");
  command->add_flag("--json", *json, "One JSON document on stdout");
  command->callback([json, &code] {
    set_up_computing();
    const Json info = machine_info();
    if (*json) {
      std::cout << info.dump(2) << std::endl;
    } else {
      print_info(info);
    }
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
