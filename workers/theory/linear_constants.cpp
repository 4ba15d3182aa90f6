#include "workers/theory/linear_constants.hpp"

#include "workers/theory/stability.hpp"

namespace edgesweep {

void read_linear_constants(ObjectReader& reader, Json& canonical) {
  if (reader.has("kernel_norm")) {
    ObjectReader kernel_norm = reader.object("kernel_norm");
    canonical["kernel_norm"] = {{"full", kernel_norm.boolean("full", true)}};
    kernel_norm.finish();
  }
  for (const char* name : {"stability", "edges"}) {
    if (!reader.has(name)) continue;
    reader.object(name).finish();
    canonical[name] = Json::object();
  }
}

std::vector<Column> linear_constant_columns(const Json& measure) {
  std::vector<Column> columns;
  const auto add = [&](const char* name, const char* long_name) { columns.push_back({name, "1", long_name}); };
  if (measure.contains("kernel_norm")) {
    add("K", "noise kernel norm; SGD of the linearised model is unstable above 1");
    if (measure.at("kernel_norm").at("full").get<bool>()) {
      add("K_full", "noise kernel norm without the restriction to the diagonal");
    }
    add("K_block", "K from the examples' own kernel blocks; a lower bound of K without momentum and L2");
    add("K_hd", "K for delocalised eigenvectors");
    add("K_tr", "K for delocalised eigenvectors and small learning rate, from the trace");
    add("ntk_lambda_max", "largest eigenvalue of the NTK J J^T / D");
    add("ntk_trace", "trace of the NTK J J^T / D");
  }
  if (measure.contains("stability")) {
    add("T_lambda_max", "growth of the second moments in one step, exact; SGD is unstable above 1");
    add("A_plus_N_lambda_max", "growth of the second moments in one step, restricted to the diagonal");
  }
  if (measure.contains("edges")) {
    add("eta_star_T", "learning rate at which T_lambda_max is 1 at this batch size");
    add("eta_star_A_plus_N", "learning rate at which A_plus_N_lambda_max is 1 at this batch size");
    add("eta_star_K", "learning rate at which K is 1 at this batch size");
    add("eta_star_K_full", "learning rate at which K_full is 1 at this batch size");
    add("eta_star_K_hd", "learning rate at which K_hd is 1 at this batch size");
    add("eta_star_K_tr", "learning rate at which K_tr is 1 at this batch size");
  }
  return columns;
}

LinearConstants::LinearConstants(const NtkSpectrum& spectrum, const Json& optimizer, const Json& measure)
    : spectrum_(spectrum), measure_(measure) {
  sgd_.momentum = optimizer.at("momentum");
  sgd_.l2 = optimizer.at("l2");
}

const StabilityEdges& LinearConstants::edges(std::int64_t batch) {
  const auto found = edges_.find(batch);
  if (found != edges_.end()) return found->second;
  KernelNormSettings sgd = sgd_;
  sgd.batch = batch;
  return edges_.emplace(batch, stability_edges(spectrum_, sgd)).first->second;
}

const std::vector<double>& LinearConstants::at(std::int64_t batch, double eta) {
  const auto [entry, is_new] = values_.try_emplace({batch, eta});
  std::vector<double>& values = entry->second;
  if (!is_new) return values;
  KernelNormSettings sgd = sgd_;
  sgd.batch = batch;
  sgd.eta = eta;
  if (measure_.contains("kernel_norm")) {
    const KernelNorms norms = kernel_norms(spectrum_, sgd);
    values.push_back(norms.K);
    if (measure_.at("kernel_norm").at("full").get<bool>()) values.push_back(kernel_norm_full(spectrum_, sgd));
    values.insert(values.end(), {norms.K_block, norms.K_hd, norms.K_tr, norms.ntk_lambda_max, norms.ntk_trace});
  }
  if (measure_.contains("stability")) {
    values.push_back(second_moment_lambda_max(spectrum_, sgd));
    values.push_back(diagonal_moment_lambda_max(spectrum_, sgd));
  }
  if (measure_.contains("edges")) {
    const StabilityEdges& e = edges(batch);
    values.insert(values.end(), {e.T, e.A_plus_N, e.K, e.K_full, e.K_hd, e.K_tr});
  }
  return values;
}

}  // namespace edgesweep
