#include <gtest/gtest.h>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

TEST(MlpHessian, AgreesWithAutogradsDoubleBackward) {
  for (const auto& settings : small_networks()) {
    SCOPED_TRACE(describe(settings));
    const Mlp mlp(settings);
    const at::Tensor theta = parameters_of(mlp), v = normal({mlp.parameter_count()}, 3);
    const at::Tensor x = normal({6, settings.sizes.front()}, 1), y = normal({6, settings.sizes.back()}, 2);
    const at::Tensor expected = autograd_hessian_vector(mlp, theta, x, y, v);
    const auto hessian = mlp.hessian(theta, x, y, Loss::mse);
    EXPECT_EQ(hessian->size(), mlp.parameter_count());
    EXPECT_LT(relative_error(hessian->apply(v), expected), 1e-12);
    const auto single = mlp.hessian(theta.to(at::kFloat), x.to(at::kFloat), y.to(at::kFloat), Loss::mse);
    EXPECT_LT(relative_error(single->apply(v.to(at::kFloat)), expected), 5e-6);
  }
}

TEST(MlpHessian, AgreesWithFiniteDifferencesOfTheGradient) {
  for (const auto& settings : small_networks()) {
    // ReLU's gradient jumps: a difference across a kink is not the derivative.
    if (settings.activation == Activation::relu) continue;
    SCOPED_TRACE(describe(settings));
    const Mlp mlp(settings);
    const at::Tensor theta = parameters_of(mlp), v = normal({mlp.parameter_count()}, 3);
    const at::Tensor x = normal({6, settings.sizes.front()}, 1), y = normal({6, settings.sizes.back()}, 2);
    // Central: error of order step² from the curvature and eps/step from rounding.
    const double step = 1e-5 / v.norm().item<double>();
    const at::Tensor difference =
        (mlp.gradient(theta + step * v, x, y, Loss::mse) - mlp.gradient(theta - step * v, x, y, Loss::mse)) / (2 * step);
    // ELU's second derivative jumps at 0, which costs one order there.
    const double tolerance = settings.activation == Activation::elu ? 1e-4 : 1e-7;
    EXPECT_LT(relative_error(mlp.hessian(theta, x, y, Loss::mse)->apply(v), difference), tolerance);
  }
}

TEST(MlpHessian, IsSymmetricAndIndependentOfItsHistory) {
  const Mlp mlp({.sizes = {7, 9, 8, 3}, .activation = Activation::gelu});
  const at::Tensor theta = parameters_of(mlp), x = normal({6, 7}, 1), y = normal({6, 3}, 2);
  const auto hessian = mlp.hessian(theta, x, y, Loss::mse);
  const at::Tensor u = normal({hessian->size()}, 4), v = normal({hessian->size()}, 5);
  const at::Tensor first = hessian->apply(v);
  const double left = u.dot(first).item<double>();
  EXPECT_NEAR(left, v.dot(hessian->apply(u)).item<double>(), 1e-12 * std::abs(left));
  EXPECT_TRUE(same_bits(first, hessian->apply(v)));
}

TEST(MlpHessian, KeepsItsParametersWhenTheCallerChangesThem) {
  const Mlp mlp({.sizes = {7, 9, 1}});
  at::Tensor theta = parameters_of(mlp);
  const at::Tensor x = normal({6, 7}, 1), y = normal({6, 1}, 2), v = normal({mlp.parameter_count()}, 3);
  const auto hessian = mlp.hessian(theta, x, y, Loss::mse);
  const at::Tensor before = hessian->apply(v);
  theta.zero_();
  EXPECT_TRUE(same_bits(before, hessian->apply(v)));
  EXPECT_THROW(hessian->apply(v.slice(0, 1)), InputError);
}

}  // namespace
}  // namespace edgesweep
