#include "workers/training/rk4.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace edgesweep {
namespace {

// dy/dt = −λy: one step multiplies y by the first terms of exp(−hλ).
TEST(Rk4, StepsALinearEquationByTheTaylorPolynomialOfItsExponential) {
  const at::Tensor lambda = at::tensor({0.0, 0.5, -1.0, 2.5, 7.0}, at::kDouble), y = at::full({5}, 3.0, at::kDouble);
  const double h = 0.4;
  const at::Tensor next = rk4_step(y, h, [&](const at::Tensor& at) { return -lambda * at; });
  for (std::int64_t i = 0; i < 5; ++i) {
    const double z = -h * lambda[i].item<double>();
    EXPECT_NEAR(next[i].item<double>(), 3 * (1 + z + z * z / 2 + z * z * z / 6 + z * z * z * z / 24), 1e-14);
  }
}

// dy/dt = y(1 − y), y(t) = 1 / (1 + (1/y₀ − 1) e^{−t}).
TEST(Rk4, HalvingTheStepDividesTheErrorBySixteen) {
  const auto error = [](int steps) {
    const double time = 3.0;
    at::Tensor y = at::full({1}, 0.1, at::kDouble);
    for (int i = 0; i < steps; ++i) y = rk4_step(y, time / steps, [](const at::Tensor& at) { return at * (1 - at); });
    return std::abs(y.item<double>() - 1 / (1 + 9 * std::exp(-time)));
  };
  for (const int steps : {20, 40, 80}) EXPECT_NEAR(error(steps) / error(2 * steps), 16, 1) << steps;
}

TEST(Rk4, KeepsTypeAndArgument) {
  const at::Tensor y = at::ones({2}, at::kFloat);
  const at::Tensor next = rk4_step(y, 0.5, [](const at::Tensor& at) { return at * 2; });
  EXPECT_EQ(next.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(y, at::ones({2}, at::kFloat)));
}

}  // namespace
}  // namespace edgesweep
