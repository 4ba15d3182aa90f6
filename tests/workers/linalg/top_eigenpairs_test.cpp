#include "workers/linalg/top_eigenpairs.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/workers/linalg/dense_operator.hpp"

namespace edgesweep {
namespace {

/// A bulk of eigenvalues in [low, high], random and mostly near 0, and the given ones above; like a Hessian's.
at::Tensor spectrum(std::int64_t size, double low, double high, std::vector<double> outliers) {
  const at::Tensor u = at::rand({size}, at::kDouble).pow(4);
  at::Tensor values = at::where(at::rand({size}, at::kDouble) < 0.5, low * u, high * u);
  for (std::size_t i = 0; i < outliers.size(); ++i) values[static_cast<std::int64_t>(i)] = outliers[i];
  return values;
}

double largest(const at::Tensor& values) { return values.max().item<double>(); }

TEST(TopEigenpairs, MeetsTheToleranceWithACloseSecondEigenvalue) {
  // From 10 seeds and gaps around and far below and above the tolerance: the cases where a solver stops early.
  for (int seed = 0; seed < 10; ++seed) {
    for (const double relative_gap : {0.2, 0.05, 0.02, 0.01, 0.005, 0.002, 0.0005}) {
      at::manual_seed(seed);
      const at::Tensor values = spectrum(20000, -0.1, 0.9, {1.0, 1.0 - relative_gap, 1.0 - 2.5 * relative_gap});
      DiagonalOperator op(values.to(at::kFloat));
      const TopEigenpairs top = top_eigenpairs(op, at::randn({1, 20000}, at::kFloat), {1, 1e-3, 200});
      EXPECT_TRUE(top.converged);
      EXPECT_NEAR(top.values[0], largest(values), 1e-3) << "gap " << relative_gap << " seed " << seed;
    }
  }
}

TEST(TopEigenpairs, WantsTheLargestAlgebraicEigenvalueBesideALargeNegativeOne) {
  at::manual_seed(3);
  const at::Tensor values = spectrum(5000, -10.0, 0.5, {1.0, -10.0, -9.9});
  DiagonalOperator op(values.to(at::kFloat));
  const TopEigenpairs top = top_eigenpairs(op, at::randn({1, 5000}, at::kFloat), {1, 1e-3, 400});
  EXPECT_TRUE(top.converged);
  EXPECT_NEAR(top.values[0], 1.0, 1e-3);
}

TEST(TopEigenpairs, ReportsTheTrueResidualAndItsProducts) {
  at::manual_seed(4);
  const at::Tensor half = at::randn({150, 150}, at::kDouble);
  const at::Tensor matrix = half + half.t();
  DenseOperator op(matrix);
  const TopEigenpairs top = top_eigenpairs(op, at::randn({3, 150}, at::kDouble), {3, 1e-6, 500});
  EXPECT_TRUE(top.converged);
  EXPECT_EQ(top.matvecs, op.products());
  const at::Tensor wanted = at::linalg_eigvalsh(matrix).flip(0);
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor x = top.known.vectors[i];
    const double residual = (matrix.mv(x) - top.values[i] * x).norm().item<double>();
    EXPECT_NEAR(x.norm().item<double>(), 1, 1e-12);
    EXPECT_NEAR(top.residuals[i], residual, 1e-10);
    EXPECT_NEAR(top.values[i], wanted[i].item<double>(), 1e-6 * top.values[i]);
  }
}

TEST(TopEigenpairs, FindsEqualEigenvaluesAsOftenAsTheyOccur) {
  at::manual_seed(5);
  DiagonalOperator op(spectrum(400, -0.5, 0.5, {2.0, 2.0, 1.0}));
  const TopEigenpairs top = top_eigenpairs(op, at::randn({3, 400}, at::kDouble), {3, 1e-4, 200});
  EXPECT_NEAR(top.values[0], 2.0, 2e-4);
  EXPECT_NEAR(top.values[1], 2.0, 2e-4);
  EXPECT_NEAR(top.values[2], 1.0, 1e-4);
}

TEST(TopEigenpairs, StartsWarmInFewProducts) {
  // The next record's operator: eigenvectors turned by a few degrees, the two largest eigenvalues crossed.
  at::manual_seed(6);
  const std::int64_t size = 600;
  const at::Tensor values = spectrum(size, -0.2, 0.7, {1.0, 0.97, 0.8, 0.75});
  const at::Tensor basis = std::get<0>(at::linalg_qr(at::randn({size, size}, at::kDouble)));
  const at::Tensor turned =
      std::get<0>(at::linalg_qr(basis + 0.1 / std::sqrt(static_cast<double>(size)) * at::randn({size, size}, at::kDouble)));
  at::Tensor crossed = values.clone();
  crossed[0] = 0.96;
  crossed[1] = 1.02;
  DenseOperator before(at::mm(basis * values, basis.t()).to(at::kFloat));
  DenseOperator after(at::mm(turned * crossed, turned.t()).to(at::kFloat));
  const TopEigenpairs cold = top_eigenpairs(before, at::randn({1, size}, at::kFloat), {1, 1e-3, 200});
  const TopEigenpairs warm = top_eigenpairs(after, cold.known, {1, 1e-3, 200});
  EXPECT_NEAR(cold.values[0], 1.0, 1e-3);
  EXPECT_NEAR(warm.values[0], 1.02, 1e-3);
  EXPECT_LE(warm.matvecs, 8);
}

TEST(TopEigenpairs, SeesAnEigenvalueOvertakeThatDoesNotMixWithTheLargest) {
  // Eigenvectors as before, so that the residual of the old largest one alone is 0.
  at::manual_seed(9);
  const at::Tensor values = spectrum(5000, -0.2, 0.7, {1.0, 0.97, 0.95});
  DiagonalOperator before(values.to(at::kFloat));
  const TopEigenpairs cold = top_eigenpairs(before, at::randn({1, 5000}, at::kFloat), {1, 1e-3, 200});
  for (const std::int64_t risen : {1, 2}) {
    at::Tensor crossed = values.clone();
    crossed[risen] = 1.05;
    DiagonalOperator after(crossed.to(at::kFloat));
    const TopEigenpairs warm = top_eigenpairs(after, cold.known, {1, 1e-3, 200});
    EXPECT_NEAR(warm.values[0], 1.05, 1.05e-3) << risen;
    EXPECT_LE(warm.matvecs, 8) << risen;
  }
}

TEST(TopEigenpairs, RestartsWithinItsMemoryAndStillConverges) {
  at::manual_seed(7);
  const at::Tensor values = at::linspace(-1, 1, 3000, at::kDouble);  // no gap anywhere
  DiagonalOperator op(values);
  const TopEigenpairs top = top_eigenpairs(op, at::randn({1, 3000}, at::kDouble), {1, 1e-7, 2000});
  EXPECT_TRUE(top.converged);
  EXPECT_GT(top.matvecs, 40);
  EXPECT_NEAR(top.values[0], 1, 1e-7);
}

TEST(TopEigenpairs, OfASmallOperatorAreExact) {
  DenseOperator op(at::diag(at::tensor({3.0, -1.0}, at::kDouble)));
  const TopEigenpairs top = top_eigenpairs(op, at::randn({2, 2}, at::kDouble), {5, 1e-3, 200});
  ASSERT_EQ(top.values.size(), 2u);
  EXPECT_NEAR(top.values[0], 3, 1e-13);
  EXPECT_NEAR(top.values[1], -1, 1e-13);
  EXPECT_TRUE(top.converged);
}

TEST(TopEigenpairs, StopAtTheLimitOfProductsAndSaySo) {
  at::manual_seed(8);
  DiagonalOperator op(at::linspace(-1, 1, 3000, at::kDouble));
  const TopEigenpairs top = top_eigenpairs(op, at::randn({1, 3000}, at::kDouble), {1, 1e-9, 10});
  EXPECT_FALSE(top.converged);
  EXPECT_EQ(top.matvecs, 10);
}

TEST(TopEigenpairs, OfAnOperatorThatIsNotFiniteAreNaN) {
  DiagonalOperator op(at::full({50}, std::numeric_limits<double>::quiet_NaN(), at::kDouble));
  const TopEigenpairs top = top_eigenpairs(op, at::randn({2, 50}, at::kDouble), {2, 1e-3, 10});
  ASSERT_EQ(top.values.size(), 2u);
  EXPECT_TRUE(std::isnan(top.values[0]));
  EXPECT_FALSE(top.known.defined());
}

}  // namespace
}  // namespace edgesweep
