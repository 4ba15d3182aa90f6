#include "workers/theory/stability.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/workers/theory/dense_linear.hpp"
#include "workers/linalg/perron.hpp"
#include "workers/theory/stability_edges.hpp"

namespace edgesweep {
namespace {

/// Kinds of SGD: plain, heavy ball, L2, both.
const std::vector<KernelNormSettings> kKinds = {{0, 1, 0, 0, 1}, {0, 1, 0.9, 0, 1}, {0, 1, 0, 0.2, 1}, {0, 1, 0.6, 0.1, 1}};

double deterministic_edge(const LinearProblem& problem, const KernelNormSettings& sgd) {
  return 2 * (1 + sgd.momentum) / (problem.spectrum.eigenvalues[-1].item<double>() + sgd.l2);
}

TEST(Stability, LambdaMaxOfTIsThatOfTheDenseOperator) {
  for (const char* kind : {"flat", "localised"}) {
    const LinearProblem problem = dense::problem(kind, 4, 3, kind[0] == 'f' ? 6 : 0);
    for (KernelNormSettings sgd : kKinds) {
      for (sgd.batch = 1; sgd.batch <= 4; ++sgd.batch) {
        for (const double fraction : {0.02, 0.3, 0.8, 1.3}) {
          sgd.eta = fraction * deterministic_edge(problem, sgd);
          const double exact = dense::spectral_radius(
              dense::second_moment_operator(dense::steps_of_all_batches(problem.ntk, problem.targets, sgd)));
          // Eigenvalues of a 64 × 64 matrix without symmetry are good to about its condition times 1e-16.
          EXPECT_NEAR(second_moment_lambda_max(problem.spectrum, sgd), exact, 1e-10 * exact)
              << kind << " B " << sgd.batch << " eta " << sgd.eta << " momentum " << sgd.momentum << " l2 " << sgd.l2;
        }
      }
    }
  }
}

/// A + N from the dense operator: one mode's moment in, every mode's moments out, in the eigenbasis.
at::Tensor restricted(const LinearProblem& problem, const KernelNormSettings& sgd) {
  const std::int64_t n = problem.ntk.size(0);
  const dense::Steps steps = dense::steps_of_all_batches(problem.ntk, problem.targets, sgd);
  const at::Tensor& v = problem.spectrum.eigenvectors;
  const at::Tensor basis = at::block_diag({v, v});
  std::vector<at::Tensor> columns;
  for (std::int64_t mode = 0; mode < n; ++mode) {
    for (const auto& [first, second] : {std::pair{mode, mode}, std::pair{mode, n + mode}, std::pair{n + mode, n + mode}}) {
      at::Tensor moment = at::zeros({2 * n, 2 * n}, at::kDouble);
      moment[first][second] = 1;
      moment[second][first] = 1;
      at::Tensor image = at::zeros_like(moment);
      for (const at::Tensor& s : steps.matrices) {
        const at::Tensor in_basis = basis.t().mm(s).mm(basis);
        image += in_basis.mm(moment).mm(in_basis.t());
      }
      image /= static_cast<double>(steps.matrices.size());
      std::vector<at::Tensor> column;
      for (std::int64_t i = 0; i < n; ++i) {
        for (const at::Tensor& entry : {image[i][i], image[i][n + i], image[n + i][n + i]}) column.push_back(entry);
      }
      columns.push_back(at::stack(column));
    }
  }
  return at::stack(columns, 1);
}

TEST(Stability, LambdaMaxOfAPlusNIsThatOfTheDenseOperatorOnItsDiagonal) {
  const LinearProblem problem = dense::problem("flat", 4, 5, 6);
  for (KernelNormSettings sgd : kKinds) {
    for (sgd.batch = 1; sgd.batch <= 4; ++sgd.batch) {
      for (const double fraction : {0.1, 0.7, 1.2}) {
        sgd.eta = fraction * deterministic_edge(problem, sgd);
        const double exact = dense::spectral_radius(restricted(problem, sgd));
        EXPECT_NEAR(diagonal_moment_lambda_max(problem.spectrum, sgd), exact, 1e-10 * exact)
            << "B " << sgd.batch << " eta " << sgd.eta << " momentum " << sgd.momentum << " l2 " << sgd.l2;
      }
    }
  }
}

TEST(Stability, OfTAgreesWithLanczosOnEquationSevenWhereThatConverges) {
  for (const char* kind : {"flat", "dispersed", "localised"}) {
    const LinearProblem problem = dense::problem(kind, 40);
    const at::Tensor& v = problem.spectrum.eigenvectors;
    for (const std::int64_t batch : {1, 4, 20}) {
      KernelNormSettings sgd{0, batch, 0, 0, 1};
      sgd.eta = 1.3 * stability_edges(problem.spectrum, sgd).T;
      const double kappa = batch_noise_factor(40, batch);
      const at::Tensor x = sgd.eta * problem.spectrum.eigenvalues;
      const at::Tensor still = (1 - x.unsqueeze(0) - x.unsqueeze(1)) + (1 - kappa) * at::outer(x, x);
      const at::Tensor g = v * x.sqrt();
      // Λ^-½ T Λ^½ on the eigenbasis; it takes the positive semidefinite cone into itself.
      const auto map = [&](const at::Tensor& flat) {
        const at::Tensor y = flat.view({40, 40});
        const at::Tensor variances = g.mm(y).mul(g).sum(1);
        return (still * y + kappa * 40 * g.t().mm(variances.unsqueeze(1) * g)).flatten();
      };
      const double lanczos = largest_eigenvalue_of_positive_map(map, at::eye(40, at::kDouble).flatten());
      EXPECT_NEAR(second_moment_lambda_max(problem.spectrum, sgd), lanczos, 1e-9 * lanczos) << kind << " B " << batch;
    }
  }
}

TEST(Stability, AtFullBatchIsThatOfTheSlowestOrFastestMode) {
  const LinearProblem problem = dense::problem("dispersed", 12);
  const double lambda_max = problem.spectrum.eigenvalues[-1].item<double>();
  const double lambda_min = problem.spectrum.eigenvalues[0].item<double>();
  KernelNormSettings sgd{0.5 / lambda_max, 12, 0, 0, 1};
  EXPECT_NEAR(second_moment_lambda_max(problem.spectrum, sgd), std::pow(1 - sgd.eta * lambda_min, 2), 1e-14);
  EXPECT_NEAR(diagonal_moment_lambda_max(problem.spectrum, sgd), std::pow(1 - sgd.eta * lambda_min, 2), 1e-14);
  sgd.eta = 2.1 / lambda_max;
  EXPECT_NEAR(second_moment_lambda_max(problem.spectrum, sgd), 1.21, 1e-13);
  sgd = {0.01 / lambda_max, 12, 0.81, 0, 1};  // a pair of complex roots has |x|² = μ, the slowest modes are real
  EXPECT_GT(second_moment_lambda_max(problem.spectrum, sgd), 0.81);
}

TEST(Stability, LeavesOutModesThatTheKernelDoesNotMove) {
  const LinearProblem problem = dense::problem("flat", 5, 1, 2);
  KernelNormSettings sgd{0, 2, 0, 0, 1};
  sgd.eta = 0.9 * stability_edges(problem.spectrum, sgd).T;
  EXPECT_LT(second_moment_lambda_max(problem.spectrum, sgd), 0.999);
  EXPECT_LT(diagonal_moment_lambda_max(problem.spectrum, sgd), 0.999);
  sgd.eta *= 1.5;
  const double exact = dense::spectral_radius(
      dense::second_moment_operator(dense::steps_of_all_batches(problem.ntk, problem.targets, sgd)));
  EXPECT_NEAR(second_moment_lambda_max(problem.spectrum, sgd), exact, 1e-10);
}

}  // namespace
}  // namespace edgesweep
