#include <string>
#include <vector>

#include "workers/theory/quadratic_record.hpp"

namespace edgesweep {
namespace {

std::int64_t read_top(ObjectReader& reader, const QuadraticSettings& settings) {
  const std::int64_t top = reader.integer("top", 1, 100'000, settings.modes() < 5 ? settings.modes() : 5);
  if (top > settings.modes()) {
    reader.fail("top", "is " + std::to_string(top) + "; must be at most " + std::to_string(settings.modes()) +
                           ", the number of modes: the smaller of examples and parameters");
  }
  return top;
}

/// How many replicas, the first ones, share an expensive measurement: whole groups of one curvature.
std::int64_t read_replicas(ObjectReader& reader, const QuadraticSettings& settings) {
  const std::int64_t replicas = reader.integer("replicas", 1, settings.replicas, settings.replicas);
  if (replicas % settings.replicas_per_curvature != 0) {
    reader.fail("replicas", "is " + std::to_string(replicas) + "; must be a multiple of replicas_per_curvature, which is " +
                                std::to_string(settings.replicas_per_curvature));
  }
  return replicas;
}

Json read_eigenvalues(ObjectReader reader, const QuadraticSettings& settings) {
  const Json canonical = {{"top", read_top(reader, settings)}, {"replicas", read_replicas(reader, settings)}};
  reader.finish();
  return canonical;
}

Json read_derivatives(ObjectReader reader, const QuadraticSettings& settings) {
  const Json canonical = {{"top", read_top(reader, settings)}};
  reader.finish();
  return canonical;
}

Json read_kernel_norm(ObjectReader reader, const QuadraticSettings& settings) {
  const Json canonical = {{"replicas", read_replicas(reader, settings)}};
  reader.finish();
  return canonical;
}

Json read_nothing(const ObjectReader& reader) {
  reader.finish();
  return Json::object();
}

std::vector<Column> loss_columns() {
  return {{"train_loss", "1", "mean over replicas of |z|^2 / (2 D)"},
          {"train_loss_sem", "1", "standard error of train_loss"}};
}

std::vector<Column> derivative_columns(std::int64_t top) {
  const std::string dimension = top > 1 ? "mode" : "";
  std::vector<Column> columns;
  const auto add = [&](const std::string& name, const std::string& meaning) {
    columns.push_back({name, "1", meaning, top, dimension});
  };
  const auto add_family = [&](const std::string& name, const std::string& meaning) {
    for (const auto& [suffix, what] : {std::pair<std::string, std::string>{"", ""},
                                       {"_d1", "first backward difference of "},
                                       {"_d2", "second backward difference of "}}) {
      add(name + suffix, what + meaning + ", mean over replicas");
      add(name + suffix + "_sem", "standard error of " + name + suffix);
    }
  };
  add_family("lambda_hat", "|w^T J|^2 / D with w a left singular vector of the initial J");
  add_family("sigma_hat", "w^T J v with w, v a singular pair of the initial J");
  add("lambda_hat_d1_theory", "expected lambda_hat_d1 at step 1");
  add("sigma_hat_d2_theory", "expected sigma_hat_d2 at step 2, leading order in the number of parameters");
  add("sigma_hat_d2_exact", "expected sigma_hat_d2 at step 2, every order, for the sweep's sampler");
  return columns;
}

std::vector<Column> eigenvalue_columns(std::int64_t top) {
  const std::string dimension = top > 1 ? "ntk_eigenvalue" : "";
  return {{"ntk_eigenvalues", "1", "largest eigenvalues of the NTK J J^T / D, descending, means over replicas", top, dimension},
          {"ntk_eigenvalues_sem", "1", "standard error of ntk_eigenvalues", top, dimension}};
}

std::vector<Column> kernel_norm_columns() {
  return {{"K", "1", "noise kernel norm, mean over replicas; SGD of the linearised model is unstable above 1"},
          {"K_block", "1", "K from the examples' own kernel blocks, mean over replicas"},
          {"K_hd", "1", "K for delocalised eigenvectors, mean over replicas"},
          {"K_tr", "1", "K for delocalised eigenvectors and small learning rate, mean over replicas"},
          {"ntk_lambda_max", "1", "largest eigenvalue of the NTK J J^T / D, mean over replicas"},
          {"ntk_trace", "1", "trace of the NTK J J^T / D, mean over replicas"}};
}

}  // namespace

Json canonical_quadratic_measure(ObjectReader reader, const QuadraticSettings& settings) {
  Json canonical = Json::object();
  if (reader.has("loss")) canonical["loss"] = read_nothing(reader.object("loss"));
  if (reader.has("derivatives")) canonical["derivatives"] = read_derivatives(reader.object("derivatives"), settings);
  if (reader.has("eigenvalues")) canonical["eigenvalues"] = read_eigenvalues(reader.object("eigenvalues"), settings);
  if (reader.has("kernel_norm")) canonical["kernel_norm"] = read_kernel_norm(reader.object("kernel_norm"), settings);
  reader.finish();
  return canonical;
}

std::vector<Column> quadratic_columns(const Json& measure) {
  std::vector<Column> columns;
  const auto append = [&](std::vector<Column> more) { columns.insert(columns.end(), more.begin(), more.end()); };
  const auto top_of = [&](const char* name) { return measure.at(name).at("top").get<std::int64_t>(); };
  if (measure.contains("loss")) append(loss_columns());
  if (measure.contains("derivatives")) append(derivative_columns(top_of("derivatives")));
  if (measure.contains("eigenvalues")) append(eigenvalue_columns(top_of("eigenvalues")));
  if (measure.contains("kernel_norm")) append(kernel_norm_columns());
  return columns;
}

}  // namespace edgesweep
