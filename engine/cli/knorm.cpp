#include "workers/linalg/knorm.hpp"

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/json.hpp"
#include "engine/cli/commands.hpp"
#include "engine/cli/data_source.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

struct KnormOptions {
  std::string file;
  KernelNormSettings sgd;
  bool full = false;
  bool json = false;
};

/// JSON has no infinity: it becomes the string "inf".
Json json_number(double value) { return std::isinf(value) ? Json("inf") : Json(value); }

Json to_json(const KnormResult& result, const KernelNormSettings& sgd) {
  Json document = {{"K", json_number(result.norms.K)},
                   {"K_block", json_number(result.norms.K_block)},
                   {"K_hd", json_number(result.norms.K_hd)},
                   {"K_tr", json_number(result.norms.K_tr)},
                   {"ntk_lambda_max", json_number(result.norms.ntk_lambda_max)},
                   {"ntk_trace", json_number(result.norms.ntk_trace)},
                   {"examples", result.examples},
                   {"outputs", sgd.outputs},
                   {"eta", sgd.eta},
                   {"batch", sgd.batch},
                   {"momentum", sgd.momentum},
                   {"l2", sgd.l2}};
  if (result.norms.K_full) document["K_full"] = json_number(*result.norms.K_full);
  return document;
}

void print_row(const char* name, double value, const char* meaning) {
  std::fprintf(stderr, "%-15s %-14.8g %s\n", name, value, meaning);
}

void print_table(const KnormResult& result, const KernelNormSettings& sgd) {
  std::fprintf(stderr, "%lld examples, %lld outputs; eta %g, batch %lld, momentum %g, l2 %g\n",
              static_cast<long long>(result.examples), static_cast<long long>(sgd.outputs), sgd.eta,
              static_cast<long long>(sgd.batch), sgd.momentum, sgd.l2);
  print_row("K", result.norms.K, "noise kernel norm: SGD is unstable above 1");
  if (result.norms.K_full) print_row("K_full", *result.norms.K_full, "the same without the restriction to the diagonal");
  print_row("K_block", result.norms.K_block, "lower bound from the examples' own blocks");
  print_row("K_hd", result.norms.K_hd, "for delocalised eigenvectors");
  print_row("K_tr", result.norms.K_tr, "and a small learning rate");
  print_row("ntk_lambda_max", result.norms.ntk_lambda_max, "largest eigenvalue");
  print_row("ntk_trace", result.norms.ntk_trace, "trace");
}

void run_knorm(const KnormOptions& options) {
  set_up_computing();
  KnormMatrix matrix = read_knorm_matrix(options.file);
  KernelNormSettings sgd = options.sgd;
  sgd.outputs = matrix.outputs;
  const KnormResult result = knorm(std::move(matrix), sgd, options.full, options.file);
  if (options.json) {
    std::cout << to_json(result, sgd).dump(2) << std::endl;
  } else {
    print_table(result, sgd);
  }
}

}  // namespace

void add_knorm_command(CLI::App& app, ExitCode& code) {
  auto options = std::make_shared<KnormOptions>();  // shared: CLI11 copies the callback
  CLI::App* command = app.add_subcommand("knorm", "Noise kernel norm K of an NTK or Jacobian from any framework");
  command->add_option("file", options->file, "HDF5 file with a dataset `ntk` or `jacobian`")->required();
  command->add_option("--eta", options->sgd.eta, "Learning rate")->required();
  command->add_option("--batch", options->sgd.batch, "Batch size B, examples")->required();
  command->add_option("--momentum", options->sgd.momentum, "Heavy-ball momentum in [0, 1)")->capture_default_str();
  command->add_option("--l2", options->sgd.l2, "L2 strength")->capture_default_str();
  command->add_flag("--full", options->full, "Also K_full, without the restriction to the diagonal");
  command->add_flag("--json", options->json, "One JSON document on stdout");
  command->callback([options, &code] {
    run_knorm(*options);
    code = ExitCode::success;
  });
}

}  // namespace edgesweep
