#include "workers/data/preprocess.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

/// Correlated features of uneven scale; the last one is constant.
at::Tensor made_up_inputs(std::int64_t rows, std::uint64_t key) {
  RandomStream stream(key, RandomUse::subset);
  at::Tensor x = at::empty({rows, 6}, at::kFloat);
  auto* out = x.data_ptr<float>();
  for (std::int64_t i = 0; i < rows; ++i) {
    const double common = stream.normal();
    for (int k = 0; k < 5; ++k) *out++ = static_cast<float>(0.3 * common + (k + 1) * 0.1 * stream.normal() + k);
    *out++ = 0.7F;
  }
  return x;
}

at::Tensor covariance(const at::Tensor& x) {
  const at::Tensor centred = x.to(at::kDouble) - x.to(at::kDouble).mean(0);
  return at::mm(centred.t(), centred) / static_cast<double>(x.size(0));
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

TEST(Preprocess, NoneChangesNothing) {
  at::Tensor train = made_up_inputs(50, 1);
  at::Tensor test = made_up_inputs(5, 2);
  const at::Tensor before = train.clone();
  apply_preprocess({"none", 0.1}, train, test);
  EXPECT_TRUE(at::equal(train, before));
}

TEST(Preprocess, StandardizeGivesMeanZeroAndDeviationOne) {
  at::Tensor train = made_up_inputs(5000, 1);
  at::Tensor test = made_up_inputs(7, 2);
  test.select(1, 5).fill_(3.0);
  const at::Tensor raw = train.to(at::kDouble);
  const at::Tensor raw_test = test.to(at::kDouble);
  apply_preprocess({"standardize", 0.1}, train, test);
  // Float32 rounding of values of order 1.
  EXPECT_LT(largest(train.to(at::kDouble).mean(0)), 1e-7);
  EXPECT_LT(largest(at::diag(covariance(train)).narrow(0, 0, 5) - 1), 1e-6);
  EXPECT_EQ(largest(train.select(1, 5)), 0.0);
  EXPECT_EQ(largest(test.select(1, 5)), 0.0);
  // The test set is scaled by what was fitted on the training set.
  const double expected = ((raw_test[3][2] - raw.select(1, 2).mean()) / raw.select(1, 2).std(false)).item<double>();
  EXPECT_NEAR(test[3][2].item<double>(), expected, 1e-6);
}

// With covariance C = U diag(λ) Uᵀ and W = (C + r mean(λ))^(−1/2), the whitened covariance is C (C + r mean(λ))^(−1):
// times C + r mean(λ) it is C again.
TEST(Preprocess, ZcaGivesTheRegularisedWhiteCovariance) {
  for (const double regularization : {0.1, 1e-6}) {
    at::Tensor train = made_up_inputs(5000, 1);
    at::Tensor test = made_up_inputs(7, 2);
    const at::Tensor before = covariance(train);
    const at::Tensor shifted = before + regularization * before.trace() / 6.0 * at::eye(6, at::kDouble);
    apply_preprocess({"zca", regularization}, train, test);
    EXPECT_LT(largest(at::mm(covariance(train), shifted) - before), 1e-6 * largest(before));
    EXPECT_LT(largest(train.to(at::kDouble).mean(0)), 1e-6);
    EXPECT_EQ(test.sizes(), (at::IntArrayRef{7, 6}));
  }
}

// ZCA is the symmetric whitening: inputs stay correlated with themselves, features do not rotate.
TEST(Preprocess, ZcaUsesTheSymmetricRoot) {
  at::Tensor train = made_up_inputs(5000, 1);
  at::Tensor test = train.clone();
  const at::Tensor raw = train.to(at::kDouble);
  apply_preprocess({"zca", 0.1}, train, test);
  EXPECT_TRUE(at::equal(train, test));
  const at::Tensor cross =
      at::mm((raw - raw.mean(0)).t(), train.to(at::kDouble)) / static_cast<double>(train.size(0));
  EXPECT_LT(largest(cross - cross.t()), 1e-6);
  EXPECT_GT(at::diag(cross).narrow(0, 0, 5).min().item<double>(), 0.0);
}

TEST(Preprocess, ZcaIsTheSameBitForBitEachTime) {
  at::Tensor first = made_up_inputs(300, 1);
  at::Tensor second = first.clone();
  at::Tensor test = made_up_inputs(3, 2);
  at::Tensor same_test = test.clone();
  apply_preprocess({"zca", 0.1}, first, test);
  apply_preprocess({"zca", 0.1}, second, same_test);
  EXPECT_TRUE(at::equal(first, second));
  EXPECT_TRUE(at::equal(test, same_test));
}

TEST(Preprocess, ASingleExampleBecomesZero) {
  for (const char* name : {"standardize", "zca"}) {
    at::Tensor train = made_up_inputs(1, 1);
    at::Tensor test = made_up_inputs(2, 2);
    apply_preprocess({name, 0.1}, train, test);
    EXPECT_EQ(largest(train), 0.0) << name;
    EXPECT_TRUE(at::isfinite(test).all().item<bool>()) << name;
  }
}

}  // namespace
}  // namespace edgesweep
