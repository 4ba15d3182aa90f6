#include "workers/theory/stability_edges.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "workers/theory/root.hpp"
#include "workers/theory/stability.hpp"

namespace edgesweep {
namespace {

constexpr double kTolerance = 1e-10;

/// Where a norm that rises from 0 at η = 0 passes 1; it has done so at the deterministic edge at the latest.
double edge_of_norm(const std::function<double(double)>& norm, double deterministic_edge) {
  const auto f = [&](double eta) { return 0.5 - 1 / (1 + norm(eta)); };  // bounded, and nearly linear in K
  // η* may be a thousand times below that edge.
  return root_in(f, {0, -0.5, deterministic_edge, 0.5}, 1e-4 * kTolerance * deterministic_edge);
}

/// Where an eigenvalue passes 1, near `guess` if the theory is right: below it the eigenvalue hugs 1 (slow modes), which
/// would mislead a search from afar. A mode so slow that it differs from 1 by rounding alone counts as below 1.
double edge_of_eigenvalue(const std::function<double(double)>& eigenvalue, double guess, double deterministic_edge) {
  constexpr double rounding = 1e-13;
  const auto f = [&](double eta) { return eigenvalue(eta) - 1; };
  for (double width = 1e-8;; width *= 8) {
    const double low = guess / (1 + width);
    const double high = std::min(guess * (1 + width), deterministic_edge);
    const double at_low = f(low);
    const double at_high = f(high);
    if (at_low <= rounding && (at_high >= 0 || high == deterministic_edge)) {
      return root_in(f, {low, std::min(at_low, 0.0), high, std::max(at_high, 0.0)}, kTolerance * guess);
    }
  }
}

}  // namespace

StabilityEdges stability_edges(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const double kappa = batch_noise_factor(spectrum.eigenvalues.size(0), settings.batch);
  if (kappa == 0) return {nan, nan, nan, nan, nan, nan};
  const double edge =
      2 * (1 + settings.momentum) / (spectrum.eigenvalues[-1].item<double>() + settings.l2);
  const auto at_eta = [&](double eta) {
    KernelNormSettings result = settings;
    result.eta = eta;
    return result;
  };
  const auto norm = [&](double KernelNorms::*member) {
    return [&, member](double eta) { return kernel_norms(spectrum, at_eta(eta)).*member; };
  };
  StabilityEdges edges;
  edges.K = edge_of_norm(norm(&KernelNorms::K), edge);
  edges.K_hd = edge_of_norm(norm(&KernelNorms::K_hd), edge);
  edges.K_tr = 2 * (1 - settings.momentum) / (kappa * spectrum.trace);
  edges.K_full = edge_of_norm([&](double eta) { return kernel_norm_full(spectrum, at_eta(eta)); }, edge);
  edges.A_plus_N = edge_of_eigenvalue(
      [&](double eta) { return diagonal_moment_lambda_max(spectrum, at_eta(eta)); }, edges.K, edge);
  edges.T = edge_of_eigenvalue([&](double eta) { return second_moment_lambda_max(spectrum, at_eta(eta)); },
                               edges.K_full, edge);
  return edges;
}

}  // namespace edgesweep
