#include "workers/linalg/kernel_norm.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace edgesweep {
namespace {

/// The matrix of kernel_norm_golden.py.
at::Tensor golden_ntk(std::int64_t examples, std::int64_t outputs) {
  const at::Tensor r = at::arange(examples * outputs, at::kDouble).unsqueeze(1);
  const at::Tensor p = at::arange(20, at::kDouble).unsqueeze(0);
  const at::Tensor jacobian = (1 + 0.8 * r.sin()) * (0.7 * (r + 1) * (p + 1) + 0.3 * r).cos();
  return at::mm(jacobian, jacobian.t()) / static_cast<double>(examples);
}

KernelNormSettings sgd(double eta, std::int64_t batch, double momentum = 0, double l2 = 0, std::int64_t outputs = 1) {
  return {eta, batch, momentum, l2, outputs};
}

void expect_norms(const KernelNorms& norms, const KernelNorms& golden) {
  const auto close = [](double value, double wanted) { EXPECT_NEAR(value, wanted, 1e-11 * wanted); };
  close(norms.K, golden.K);
  close(norms.K_block, golden.K_block);
  close(norms.K_hd, golden.K_hd);
  close(norms.K_tr, golden.K_tr);
  close(norms.ntk_lambda_max, golden.ntk_lambda_max);
  close(norms.ntk_trace, golden.ntk_trace);
  close(norms.K_full.value(), golden.K_full.value());
}

// Golden numbers: kernel_norm_golden.py, through the dense reference tests/reference/knorm_reference.py.
TEST(KernelNorm, AgreesWithTheDenseReferenceForPlainSgd) {
  expect_norms(kernel_norms(golden_ntk(8, 1), sgd(0.05, 1), true),
               {0.671529243676407, 0.553374191399535, 0.344612272477886, 0.344612272477886, 3.97394404291563,
                13.7844908991154, 0.726648621671319});
}

TEST(KernelNorm, AgreesWithTheDenseReferenceForMomentumAndL2) {
  expect_norms(kernel_norms(golden_ntk(8, 1), sgd(0.01, 3, 0.9, 0.02), true),
               {0.30746116192169, 0.263511519714064, 0.157741784744533, 0.164101082132327, 3.97394404291563,
                13.7844908991154, 0.330818588715528});
}

TEST(KernelNorm, AgreesWithTheDenseReferenceForSeveralOutputs) {
  expect_norms(kernel_norms(golden_ntk(5, 3), sgd(0.05, 2, 0, 0, 3), true),
               {0.363949360172121, 0.254346369135927, 0.160583319785124, 0.143029150767133, 9.59741172168921,
                45.7693282454826, 0.49499129877831});
  expect_norms(kernel_norms(golden_ntk(5, 3), sgd(0.02, 1, 0.5, 0.1, 3), true),
               {0.593641888569228, 0.542605587489978, 0.274924438793324, 0.305128854969884, 9.59741172168921,
                45.7693282454826, 0.797667965064286});
}

TEST(KernelNorm, OfADiagonalNtkIsThatOfTheLargestExample) {
  // Localised eigenvectors, C = 1: K = κ D max m; at B = 1 κ = 1 and m = ηλ/2.
  const at::Tensor ntk = at::diag(at::tensor({0.1, 0.7, 0.3, 0.0}, at::kDouble));
  const KernelNorms norms = kernel_norms(ntk.clone(), sgd(0.5, 1));
  EXPECT_NEAR(norms.K, 4 * 0.5 * 0.7 / 2, 1e-14);
  EXPECT_NEAR(norms.K_hd, 0.5 * 1.1 / 2, 1e-14);
}

TEST(KernelNorm, IsZeroAtFullBatchAndInfiniteBeyondTheDeterministicEdge) {
  const double edge = 2 / 3.97394404291563;
  const double infinity = std::numeric_limits<double>::infinity();
  const KernelNorms below = kernel_norms(golden_ntk(8, 1), sgd(0.999 * edge, 8));
  EXPECT_EQ(below.K, 0);
  EXPECT_EQ(below.K_hd, 0);
  EXPECT_EQ(below.K_tr, 0);
  const KernelNorms above = kernel_norms(golden_ntk(8, 1), sgd(1.001 * edge, 8));
  EXPECT_EQ(above.K, infinity);
  EXPECT_EQ(above.K_hd, infinity);
  EXPECT_EQ(above.K_tr, 0);
  // With momentum the edge is at 2(1+μ).
  EXPECT_TRUE(std::isfinite(kernel_norms(golden_ntk(8, 1), sgd(1.8 * edge, 2, 0.9)).K));
  EXPECT_EQ(kernel_norms(golden_ntk(8, 1), sgd(1.901 * edge, 2, 0.9)).K, infinity);
}

TEST(KernelNorm, OfASingleExampleIsZero) {
  const KernelNorms norms = kernel_norms(at::full({1, 1}, 1.5, at::kDouble), sgd(0.1, 1));
  EXPECT_EQ(norms.K, 0);
  EXPECT_EQ(norms.ntk_lambda_max, 1.5);
}

TEST(KernelNorm, OfAZeroNtkIsZero) {
  const KernelNorms norms = kernel_norms(at::zeros({4, 4}, at::kDouble), sgd(0.1, 1, 0, 0.1));
  EXPECT_EQ(norms.K, 0);
  EXPECT_EQ(norms.K_block, 0);
}

TEST(KernelNorm, OfAnNtkThatIsNotFiniteIsNaN) {
  at::Tensor ntk = golden_ntk(8, 1);
  ntk[2][3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(kernel_norms(ntk, sgd(0.1, 1)).K));
}

TEST(KernelNorm, KeepsTheOrderOfItsBounds) {
  const KernelNorms norms = kernel_norms(golden_ntk(5, 3), sgd(0.1, 2, 0.3, 0, 3));
  EXPECT_LE(norms.K_tr, norms.K_hd);
  EXPECT_LE(norms.K_hd, norms.K);
  EXPECT_LE(norms.K_tr, norms.K_block);
  EXPECT_LE(norms.K_block, norms.K);
}

TEST(KernelNorm, InFloat32AgreesToItsPrecision) {
  const KernelNorms norms = kernel_norms(golden_ntk(5, 3).to(at::kFloat), sgd(0.05, 2, 0, 0, 3));
  EXPECT_NEAR(norms.K, 0.363949360172121, 1e-5);
  EXPECT_NEAR(norms.K_hd, 0.160583319785124, 1e-6);
}

TEST(KernelNorm, BatchNoiseFactorFollowsItsDefinition) {
  EXPECT_EQ(batch_noise_factor(10, 1), 1);
  EXPECT_EQ(batch_noise_factor(10, 10), 0);
  EXPECT_DOUBLE_EQ(batch_noise_factor(10, 4), 6.0 / 36);
  EXPECT_EQ(batch_noise_factor(1, 1), 0);
}

}  // namespace
}  // namespace edgesweep
