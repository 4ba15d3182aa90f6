#include "workers/linalg/perron.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace edgesweep {
namespace {

double largest(const at::Tensor& matrix) {
  return largest_eigenvalue_of_positive_map([&](const at::Tensor& x) { return matrix.mv(x); }, at::ones_like(matrix[0]));
}

TEST(Perron, FindsTheLargestEigenvalueOfARandomNonNegativeMatrix) {
  at::manual_seed(1);
  const at::Tensor factor = at::rand({200, 60}, at::kDouble).pow(8);
  const at::Tensor matrix = at::mm(factor, factor.t());
  const double wanted = at::linalg_eigvalsh(matrix)[-1].item<double>();
  EXPECT_NEAR(largest(matrix), wanted, 1e-12 * wanted);
}

TEST(Perron, TellsDecoupledBlocksApartThatNearlyAgree) {
  // Two blocks that no product couples, and whose eigenvalues differ by 1e-6: a value that has stopped to move would be
  // anywhere between.
  at::Tensor matrix = at::zeros({300, 300}, at::kDouble);
  matrix.narrow(0, 0, 299).narrow(1, 0, 299).fill_(1.0 / 299);
  matrix[299][299] = 1 + 1e-6;
  EXPECT_NEAR(largest(matrix), 1 + 1e-6, 1e-11);
}

TEST(Perron, ResolvesADenselyFilledDiagonal) {
  const at::Tensor matrix = at::diag(at::linspace(0.9, 1, 500, at::kDouble));
  EXPECT_NEAR(largest(matrix), 1, 1e-11);
}

TEST(Perron, StartsFromTheVectorGivenWhateverItsNorm) {
  // Y ↦ A Y Aᵀ takes positive semidefinite 2 × 2 blocks to such blocks. The leading one,
  // [[1, -1], [-1, 1]], is orthogonal to a vector of ones, and not to the unit matrix.
  const at::Tensor a = at::tensor({2.0, -1.0, -1.0, 2.0}, at::kDouble).view({2, 2});
  const auto map = [&](const at::Tensor& y) { return at::mm(at::mm(a, y.view({2, 2})), a).flatten(); };
  EXPECT_NEAR(largest_eigenvalue_of_positive_map(map, 5 * at::eye(2, at::kDouble).flatten()), 9, 1e-11);
  EXPECT_NEAR(largest_eigenvalue_of_positive_map(map, at::ones({4}, at::kDouble)), 1, 1e-11);
}

TEST(Perron, OfTheZeroMapAndOfOneEntry) {
  EXPECT_EQ(largest(at::zeros({5, 5}, at::kDouble)), 0);
  EXPECT_DOUBLE_EQ(largest(at::full({1, 1}, 3.0, at::kDouble)), 3);
}

}  // namespace
}  // namespace edgesweep
