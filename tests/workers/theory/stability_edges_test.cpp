#include "workers/theory/stability_edges.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include "dense_linear.hpp"
#include "workers/theory/stability.hpp"

namespace edgesweep {
namespace {

/// Bounds of λ_max(T) of plain SGD that need equation (7) alone: for positive definite X, T X ≤ c X implies λ_max(T) ≤ c, and
/// T X ≥ c X implies ≥ c, since T keeps the order of symmetric matrices. X is the stationary moment that solves
/// X − (deterministic part) X = noise of y, for the leading y of the D × D map of K_full, here from a dense eigensolver.
std::pair<double, double> bounds_of_T(const LinearProblem& problem, const KernelNormSettings& sgd) {
  const std::int64_t n = problem.ntk.size(0);
  const double kappa = batch_noise_factor(n, sgd.batch);
  const at::Tensor& v = problem.spectrum.eigenvectors;
  const at::Tensor x = sgd.eta * problem.spectrum.eigenvalues;
  // In units of √(x_α x_ν), so that slow modes count as much as fast ones.
  const at::Tensor to_rest = x.unsqueeze(0) + x.unsqueeze(1) - (1 - kappa) * at::outer(x, x);
  const at::Tensor root = at::outer(x, x).sqrt();
  const auto moment = [&](const at::Tensor& y) {
    return kappa * static_cast<double>(n) * root / to_rest * v.t().mm(y.unsqueeze(1) * v);
  };
  const auto variances = [&](const at::Tensor& scaled) { return (v.mm(scaled * root) * v).sum(1); };
  at::Tensor map = at::empty({n, n}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) map[i] = variances(moment(at::eye(n, at::kDouble)[i]));
  const at::Tensor y = std::get<1>(at::linalg_eigh((map + map.t()) / 2)).select(1, n - 1).abs();
  const at::Tensor scaled = moment(y);
  const at::Tensor noise = kappa * static_cast<double>(n) * root * v.t().mm(variances(scaled).unsqueeze(1) * v);
  const at::Tensor change = noise - to_rest * scaled;  // (T − 1) X: what 1 hides is not lost to rounding
  const at::Tensor inverse = at::linalg_inv(at::linalg_cholesky(scaled));  // throws unless X is positive definite
  const at::Tensor growth = at::linalg_eigvalsh(inverse.mm((change + change.t()) / 2).mm(inverse.t()));
  return {growth[0].item<double>(), growth[-1].item<double>()};
}

class LinearEdges : public testing::TestWithParam<const char*> {};

TEST_P(LinearEdges, OfKFullIsWhereEquationSevenStopsConverging) {
  const LinearProblem problem = dense::problem(GetParam(), 200);
  for (const std::int64_t batch : {1, 4, 40, 199}) {
    KernelNormSettings sgd{0, batch, 0, 0, 1};
    const StabilityEdges edges = stability_edges(problem.spectrum, sgd);
    EXPECT_NEAR(edges.K_full, edges.T, 1e-9 * edges.T);
    EXPECT_NEAR(edges.K, edges.A_plus_N, 1e-9 * edges.A_plus_N);
    // Certified by equation (7) itself: contracts a millionth below, expands a millionth above.
    sgd.eta = edges.K_full * (1 - 1e-6);
    EXPECT_LT(bounds_of_T(problem, sgd).second, 0) << "B " << batch;
    sgd.eta = edges.K_full * (1 + 1e-6);
    EXPECT_GT(bounds_of_T(problem, sgd).first, 0) << "B " << batch;
    RecordProperty("T_over_K_B" + std::to_string(batch), std::to_string(edges.K / edges.T));
    std::printf("%s B %ld: eta* T %.5g, over it: K %.3f K_hd %.3f K_tr %.3f\n", GetParam(), static_cast<long>(batch), edges.T,
                edges.K / edges.T, edges.K_hd / edges.T, edges.K_tr / edges.T);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LinearEdges, testing::Values("flat", "dispersed", "localised"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace edgesweep
