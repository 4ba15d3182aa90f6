#include "workers/linalg/perron.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace edgesweep {
namespace {

double largest(const at::Tensor& matrix) {
  return largest_eigenvalue_nonnegative([&](const at::Tensor& x) { return matrix.mv(x); }, matrix[0]);
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

TEST(Perron, OfTheZeroMapAndOfOneEntry) {
  EXPECT_EQ(largest(at::zeros({5, 5}, at::kDouble)), 0);
  EXPECT_DOUBLE_EQ(largest(at::full({1, 1}, 3.0, at::kDouble)), 3);
}

}  // namespace
}  // namespace edgesweep
