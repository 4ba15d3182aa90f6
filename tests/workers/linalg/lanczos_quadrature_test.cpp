// Gauss quadrature by Lanczos against powers of dense matrices in float64.
#include "workers/linalg/lanczos_quadrature.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/workers/linalg/dense_operator.hpp"

namespace edgesweep {
namespace {

double moment(const Quadrature& rule, int power) {
  double sum = 0;
  for (std::size_t k = 0; k < rule.nodes.size(); ++k) sum += rule.weights[k] * std::pow(rule.nodes[k], power);
  return sum;
}

/// Symmetric, eigenvalues within about ±1.
at::Tensor symmetric(std::int64_t size) {
  at::manual_seed(3);
  const at::Tensor half = at::randn({size, size}, at::kDouble);
  return (half + half.t()) / (2.8 * std::sqrt(static_cast<double>(size)));
}

TEST(LanczosQuadrature, IsExactForPolynomialsOfTwiceTheStepsLessOne) {
  const at::Tensor matrix = symmetric(40), start = at::randn({40}, at::kDouble);
  DenseOperator op(matrix);
  for (const std::int64_t steps : {1, 2, 5, 9}) {
    const Quadrature rule = lanczos_quadrature(op, start, steps);
    ASSERT_EQ(rule.nodes.size(), static_cast<std::size_t>(steps));
    at::Tensor v = start / start.norm();
    const at::Tensor unit = v;
    for (int power = 0; power <= 2 * steps - 1; ++power, v = matrix.mv(v)) {
      EXPECT_NEAR(moment(rule, power), unit.dot(v).item<double>(), 1e-12) << steps << " steps, power " << power;
    }
    EXPECT_GT(std::abs(moment(rule, static_cast<int>(2 * steps)) - unit.dot(v).item<double>()), 1e-9) << "one power more";
  }
}

TEST(LanczosQuadrature, EndsWithTheKrylovSpaceAndIsExactThen) {
  // Three different eigenvalues: three nodes, each with the start's part in its eigenspace.
  DiagonalOperator few(at::tensor({2.0, 2.0, -1.0, 0.5, 0.5, 0.5}, at::kDouble));
  const Quadrature rule = lanczos_quadrature(few, at::tensor({1.0, 2.0, 3.0, 0.0, 1.0, 1.0}, at::kDouble), 50);
  ASSERT_EQ(rule.nodes.size(), 3u);
  const double nodes[] = {-1, 0.5, 2}, weights[] = {9.0 / 16, 2.0 / 16, 5.0 / 16};
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(rule.nodes[k], nodes[k], 1e-12);
    EXPECT_NEAR(rule.weights[k], weights[k], 1e-12);
  }
}

TEST(LanczosQuadrature, OfMoreStepsThanTheSizeHasAllEigenvalues) {
  const at::Tensor matrix = symmetric(25);
  DenseOperator op(matrix);
  const Quadrature rule = lanczos_quadrature(op, at::randn({25}, at::kDouble), 60);
  const at::Tensor values = at::linalg_eigvalsh(matrix);
  ASSERT_EQ(rule.nodes.size(), 25u);
  EXPECT_EQ(op.products(), 25);
  for (std::int64_t k = 0; k < 25; ++k) EXPECT_NEAR(rule.nodes[static_cast<std::size_t>(k)], values[k].item<double>(), 1e-10);
  EXPECT_NEAR(std::accumulate(rule.weights.begin(), rule.weights.end(), 0.0), 1, 1e-12);
}

TEST(LanczosQuadrature, StaysOrthogonalOverManySteps) {
  // Outliers far above a bulk: without reorthogonalisation they come twice, and the bulk's weights are wrong.
  at::Tensor spectrum = at::linspace(-1, 1, 400, at::kDouble);
  spectrum[0] = 1000;
  spectrum[1] = 700;
  DiagonalOperator op(spectrum);
  at::manual_seed(4);
  const at::Tensor start = at::randn({400}, at::kDouble);
  const Quadrature rule = lanczos_quadrature(op, start, 120);
  ASSERT_EQ(rule.nodes.size(), 120u);
  EXPECT_NEAR(rule.nodes[119], 1000, 1e-9);
  EXPECT_NEAR(rule.nodes[118], 700, 1e-9);
  EXPECT_LT(rule.nodes[117], 1.001);
  const at::Tensor unit = start / start.norm();
  const auto part = [&](const at::Tensor& of) { return (of * unit.square()).sum().item<double>(); };
  double cosine = 0;
  for (std::size_t k = 0; k < 118; ++k) cosine += rule.weights[k] * std::cos(3 * rule.nodes[k]);
  EXPECT_NEAR(cosine, part(at::cos(3 * spectrum) * (spectrum < 2)), 1e-10);
}

TEST(LanczosQuadrature, OfZeroIsOneNodeAndOfNaNIsNaN) {
  DiagonalOperator zero(at::zeros({7}, at::kDouble));
  const Quadrature rule = lanczos_quadrature(zero, at::ones({7}, at::kDouble), 4);
  EXPECT_EQ(rule.nodes, std::vector<double>{0});
  EXPECT_EQ(rule.weights, std::vector<double>{1});
  DiagonalOperator broken(at::full({7}, std::nan(""), at::kDouble));
  EXPECT_TRUE(std::isnan(lanczos_quadrature(broken, at::ones({7}, at::kDouble), 4).nodes.at(0)));
}

}  // namespace
}  // namespace edgesweep
