#include <gtest/gtest.h>

#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

TEST(MlpNtk, IsTheProductOfAutogradsJacobianWithItself) {
  for (const auto& settings : small_networks()) {
    SCOPED_TRACE(describe(settings));
    const Mlp mlp(settings);
    const at::Tensor theta = parameters_of(mlp), x = normal({7, settings.sizes.front()}, 1);
    const at::Tensor jacobian = autograd_jacobian(mlp, theta, x);
    const at::Tensor expected = at::mm(jacobian, jacobian.t()) / 7;
    EXPECT_LT(relative_error(mlp.ntk(theta, x), expected), 1e-13);
    EXPECT_LT(relative_error(mlp.ntk(theta.to(at::kFloat), x.to(at::kFloat)), expected), 3e-6);
  }
}

TEST(MlpNtk, IsExactlySymmetricAtSizesAroundTheBlocks) {
  const Mlp mlp({.sizes = {20, 33, 17, 3}});
  const at::Tensor theta = parameters_of(mlp);
  for (const std::int64_t examples : {1, 10, 11, 32, 33, 100}) {
    const at::Tensor ntk = mlp.ntk(theta, normal({examples, 20}, 1));
    EXPECT_EQ(ntk.size(0), 3 * examples);
    EXPECT_TRUE(same_bits(ntk, ntk.t()));
  }
}

}  // namespace
}  // namespace edgesweep
