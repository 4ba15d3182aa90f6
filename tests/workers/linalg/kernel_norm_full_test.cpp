// K_full against the second moments of SGD that it stands for: the dense operator on residuals and velocities.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "workers/linalg/kernel_norm.hpp"

namespace edgesweep {
namespace {

/// Θ̂ = J Jᵀ / D of a Gaussian J; `spread` is the standard deviation of the logarithm of the examples' norms.
at::Tensor random_ntk(std::int64_t examples, std::int64_t outputs, double spread = 0, std::int64_t parameters = 40) {
  const at::Tensor norms = (spread * at::randn({examples, 1, 1}, at::kDouble)).exp();
  const at::Tensor jacobian =
      (norms * at::randn({examples, outputs, parameters}, at::kDouble)).view({-1, parameters});
  return at::mm(jacobian, jacobian.t()) / static_cast<double>(examples);
}

/// E[A_P ⊗ A_P] over the batches P, where a step takes s = (z, w) to A_P s: w' = μw + ρz + (1/β) Θ̂ P z, z' = z − ηw'.
/// From the probabilities that two rows are both in a batch; 4n² × 4n².
at::Tensor second_moment_operator(const at::Tensor& ntk, const KernelNormSettings& sgd) {
  const std::int64_t n = ntk.size(0);
  const double examples = static_cast<double>(n / sgd.outputs);
  const double beta = static_cast<double>(sgd.batch) / examples;
  const at::Tensor identity = at::eye(n, at::kDouble);
  const at::Tensor zero = at::zeros_like(identity);
  const auto stack = [](const at::Tensor& z, const at::Tensor& w) { return at::cat({z, w}, 0); };
  const at::Tensor quiet = at::cat({stack((1 - sgd.eta * sgd.l2) * identity, sgd.l2 * identity),
                                    stack(-sgd.eta * sgd.momentum * identity, sgd.momentum * identity)}, 1);
  const at::Tensor kick = at::cat({stack(-sgd.eta * ntk, ntk) / beta, stack(zero, zero)}, 1);  // acts on P z
  const at::Tensor example = at::arange(n).div(sgd.outputs, "floor");
  const double other = beta * static_cast<double>(sgd.batch - 1) / (examples - 1);
  const at::Tensor together = at::where(example.unsqueeze(1) == example, at::full({n, n}, beta, at::kDouble),
                                        at::full({n, n}, other, at::kDouble));
  const at::Tensor padded = at::cat({at::cat({together, zero}, 1), at::cat({zero, zero}, 1)}, 0);
  return at::kron(quiet, quiet) + beta * (at::kron(quiet, kick) + at::kron(kick, quiet)) +
         at::kron(kick, kick) * padded.flatten();
}

double radius(const at::Tensor& matrix) { return at::linalg_eigvals(matrix).abs().max().item<double>(); }

double full_norm(const at::Tensor& ntk, const KernelNormSettings& sgd) {
  return kernel_norm_full(ntk_spectrum(ntk.clone(), sgd.outputs), sgd);
}

/// η where K_full = 1.
double critical_eta(const at::Tensor& ntk, KernelNormSettings sgd) {
  const NtkSpectrum spectrum = ntk_spectrum(ntk.clone(), sgd.outputs);
  double low = 0;
  double high = 2 * (1 + sgd.momentum) / (spectrum.eigenvalues[-1].item<double>() + sgd.l2);
  for (int step = 0; step < 55; ++step) {
    sgd.eta = (low + high) / 2;
    (kernel_norm_full(spectrum, sgd) < 1 ? low : high) = sgd.eta;
  }
  return low;
}

std::vector<KernelNormSettings> ways_to_step(std::int64_t outputs) {
  std::vector<KernelNormSettings> ways;
  for (const double momentum : {0.0, 0.9}) {
    for (const double l2 : {0.0, 0.1}) {
      for (const std::int64_t batch : {1, 3}) ways.push_back({0, batch, momentum, l2, outputs});
    }
  }
  return ways;
}

std::string text(const KernelNormSettings& sgd) {
  return "outputs " + std::to_string(sgd.outputs) + " momentum " + std::to_string(sgd.momentum) + " l2 " +
         std::to_string(sgd.l2) + " batch " + std::to_string(sgd.batch);
}

TEST(KernelNormFull, IsOneExactlyWhereTheSecondMomentsStopConverging) {
  for (const std::int64_t outputs : {1, 2}) {
    at::manual_seed(7);
    const std::int64_t examples = outputs == 1 ? 6 : 4;
    const at::Tensor ntk = random_ntk(examples, outputs, 0.5);
    for (KernelNormSettings sgd : ways_to_step(outputs)) {
      SCOPED_TRACE(text(sgd));
      const double critical = critical_eta(ntk, sgd);
      sgd.eta = critical;
      EXPECT_NEAR(radius(second_moment_operator(ntk, sgd)), 1, 1e-9);
      sgd.eta = 0.98 * critical;
      EXPECT_LT(full_norm(ntk, sgd), 1);
      EXPECT_LT(radius(second_moment_operator(ntk, sgd)), 1);
      sgd.eta = 1.02 * critical;
      EXPECT_GT(full_norm(ntk, sgd), 1);
      EXPECT_GT(radius(second_moment_operator(ntk, sgd)), 1);
    }
  }
}

TEST(KernelNormFull, IsNeverBelowKNorKBelowKhd) {
  // Rayleigh quotients of the same non-negative form, at all Y, at those that only the diagonal sees, and at Y_i = I.
  for (const std::int64_t outputs : {1, 2}) {
    at::manual_seed(3);
    const at::Tensor ntk = random_ntk(12, outputs, 0.8);
    for (KernelNormSettings sgd : ways_to_step(outputs)) {
      for (const double fraction : {1e-3, 0.1, 0.5, 0.95}) {
        sgd.eta = fraction * 2 * (1 + sgd.momentum) / (at::linalg_eigvalsh(ntk)[-1].item<double>() + sgd.l2);
        const KernelNorms norms = kernel_norms(ntk.clone(), sgd, true);
        EXPECT_GE(*norms.K_full, norms.K * (1 - 1e-11)) << text(sgd);
        EXPECT_GE(norms.K, norms.K_hd * (1 - 1e-11)) << text(sgd);
      }
    }
  }
}

TEST(KernelNormFull, OfADiagonalNtkIsK) {
  const at::Tensor ntk = at::diag(at::tensor({0.1, 0.7, 0.3, 0.0}, at::kDouble));
  EXPECT_NEAR(full_norm(ntk, {0.5, 1, 0, 0, 1}), 4 * 0.5 * 0.7 / 2, 1e-14);  // κ D max m, m = ηλ/2 at B = 1
  const KernelNormSettings heavy{0.5, 2, 0.9, 0.1, 1};
  EXPECT_NEAR(full_norm(ntk, heavy), kernel_norms(ntk.clone(), heavy).K, 1e-14);
}

TEST(KernelNormFull, LeavesZeroModesOut) {
  // 24 rows from 10 parameters. Modes that go to zero take no part in the limit.
  at::manual_seed(5);
  const at::Tensor ntk = random_ntk(12, 2, 0.3, 10);
  const at::Tensor lifted = ntk + 1e-10 * at::eye(24, at::kDouble);
  for (const KernelNormSettings& sgd : {KernelNormSettings{0.02, 2, 0, 0, 2}, KernelNormSettings{0.02, 2, 0.9, 0.05, 2}}) {
    const double full = full_norm(ntk, sgd);
    EXPECT_GT(full, 0);
    EXPECT_NEAR(full, full_norm(lifted, sgd), 1e-7 * full);
  }
  EXPECT_EQ(full_norm(at::zeros({4, 4}, at::kDouble), {0.1, 1, 0.5, 0, 1}), 0);
}

TEST(KernelNormFull, IsZeroAtFullBatchAndInfiniteBeyondTheDeterministicEdge) {
  const double infinity = std::numeric_limits<double>::infinity();
  const at::Tensor ntk = at::diag(at::tensor({1.9, 0.5, 0.3}, at::kDouble));
  EXPECT_EQ(full_norm(ntk, {0.9, 3, 0, 0, 1}), 0);
  EXPECT_EQ(full_norm(ntk, {1.06, 2, 0, 0, 1}), infinity);
  EXPECT_TRUE(std::isfinite(full_norm(ntk, {1.89, 2, 0.9, 0.1, 1})));
  EXPECT_EQ(full_norm(ntk, {1.91, 2, 0.9, 0.1, 1}), infinity);
  EXPECT_EQ(full_norm(at::full({1, 1}, 1.5, at::kDouble), {0.1, 1, 0, 0, 1}), 0);
}

TEST(KernelNormFull, InFloat32AgreesToItsPrecision) {
  at::manual_seed(2);
  const at::Tensor ntk = random_ntk(30, 2, 0.5, 50);
  for (const double momentum : {0.0, 0.9}) {
    const KernelNormSettings sgd{0.02, 2, momentum, 0, 2};
    const double wide = full_norm(ntk, sgd);
    EXPECT_NEAR(full_norm(ntk.to(at::kFloat), sgd), wide, 2e-5 * wide);
  }
}

TEST(KernelNormFull, IsThereOnlyWhenAskedAndNaNForAnNtkThatIsNotFinite) {
  at::Tensor ntk = at::eye(3, at::kDouble);
  EXPECT_FALSE(kernel_norms(ntk.clone(), {0.1, 1, 0, 0, 1}).K_full);
  EXPECT_TRUE(std::isfinite(kernel_norms(ntk.clone(), {0.1, 1, 0, 0, 1}, true).K_full.value()));
  ntk[1][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(kernel_norms(ntk, {0.1, 1, 0, 0, 1}, true).K_full.value()));
}

}  // namespace
}  // namespace edgesweep
