#include "workers/theory/stability_edges.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "tests/workers/theory/dense_linear.hpp"
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
  for (const std::int64_t batch : {1, 16, 199}) {
    KernelNormSettings sgd{0, batch, 0, 0, 1};
    const StabilityEdges edges = stability_edges(problem.spectrum, sgd);
    EXPECT_NEAR(edges.K_full, edges.T, 1e-9 * edges.T);
    EXPECT_NEAR(edges.K, edges.A_plus_N, 1e-9 * edges.A_plus_N);
    // Certified by equation (7) itself: contracts a millionth below, expands a millionth above.
    sgd.eta = edges.K_full * (1 - 1e-6);
    EXPECT_LT(bounds_of_T(problem, sgd).second, 0) << "B " << batch;
    sgd.eta = edges.K_full * (1 + 1e-6);
    EXPECT_GT(bounds_of_T(problem, sgd).first, 0) << "B " << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LinearEdges, testing::Values("flat", "dispersed", "localised"),
                         [](const auto& kind) { return std::string(kind.param); });

/// What the paper finds (its figure 8): K tells where SGD diverges in all three settings, K_hd not where examples differ,
/// K_tr not where eigenvalues do. The shares are this project's.
TEST(StabilityEdges, OfKFollowTheExactOneInAllSettingsThoseOfItsApproximationsDoNot) {
  for (const char* kind : {"flat", "dispersed", "localised"}) {
    const bool localised = kind[0] == 'l';
    for (const std::int64_t examples : {40, 100}) {
      const LinearProblem problem = dense::problem(kind, examples);
      for (const std::int64_t batch : {1, 4}) {
        const StabilityEdges edges = stability_edges(problem.spectrum, {0, batch, 0, 0, 1});
        EXPECT_GT(edges.K, edges.T);  // the restriction to the diagonal sees less noise
        EXPECT_LT(edges.K, 1.25 * edges.T) << kind << " D " << examples << " B " << batch;
        EXPECT_GE(edges.K_hd, edges.K * (1 - 1e-9));
        EXPECT_GE(edges.K_tr, edges.K_hd * (1 - 1e-9));
        if (localised) {
          EXPECT_GT(edges.K_hd, 3 * edges.T) << "D " << examples << " B " << batch;
        } else {
          EXPECT_LT(edges.K_hd, 1.5 * edges.T) << kind << " D " << examples << " B " << batch;
        }
        if (kind[0] == 'd' && batch == 4) {
          EXPECT_GT(edges.K_tr, 1.5 * edges.T) << "D " << examples;
        }
      }
    }
  }
}

TEST(StabilityEdges, WithMomentumAndL2AreWhereTheDenseOperatorPassesOne) {
  const LinearProblem problem = dense::problem("flat", 4, 3, 6);
  for (KernelNormSettings sgd : {KernelNormSettings{0, 1, 0.9, 0, 1}, {0, 2, 0, 0.2, 1}, {0, 3, 0.6, 0.1, 1}}) {
    sgd.eta = stability_edges(problem.spectrum, sgd).T;
    const double exact = dense::spectral_radius(
        dense::second_moment_operator(dense::steps_of_all_batches(problem.ntk, problem.targets, sgd)));
    EXPECT_NEAR(exact, 1, 1e-9) << "B " << sgd.batch;
  }
}

TEST(StabilityEdges, AreNaNAtFullBatch) {
  const StabilityEdges edges = stability_edges(dense::problem("flat", 6).spectrum, {0, 6, 0.5, 0.1, 1});
  for (const double edge : {edges.T, edges.A_plus_N, edges.K, edges.K_full, edges.K_hd, edges.K_tr}) {
    EXPECT_TRUE(std::isnan(edge));
  }
}

}  // namespace
}  // namespace edgesweep
