#include "workers/models/gram.hpp"

#include <gtest/gtest.h>

#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

// bfloat16 takes the path of devices without BLAS of our own; small whole numbers are exact in it.
at::Tensor small_integers(std::vector<std::int64_t> shape, std::uint64_t seed) {
  return normal(std::move(shape), seed).round().clamp(-2, 2);
}

at::Tensor combined(at::ScalarType type, const at::Tensor& s, std::int64_t n, std::int64_t outputs) {
  const at::Tensor x = small_integers({n, 3}, 1).to(type);
  at::Tensor g = at::zeros({n, n}, x.options()), sum = at::ones({n * outputs, n * outputs}, x.options());
  gram_lower(x, g);
  add_weighted_gram(g, 2, 1, s.defined() ? s.to(type) : s, sum);
  scale_and_mirror(sum, 0.5);
  return sum.to(at::kDouble);
}

TEST(Gram, BothPathsGiveTheWeightedProduct) {
  const at::Tensor x = small_integers({4, 3}, 1);
  const at::Tensor weights = 2 * x.mm(x.t()) + 1;
  for (const std::int64_t outputs : {1, 3}) {
    at::Tensor s = small_integers({4 * outputs, 4 * outputs}, 2);
    s = s.tril() + s.tril(-1).t();
    const at::Tensor expanded = at::kron(weights, at::ones({outputs, outputs}, at::kDouble));
    const at::Tensor identity = at::kron(at::ones({4, 4}, at::kDouble), at::eye(outputs, at::kDouble));
    for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
      EXPECT_TRUE(same_bits(combined(type, s, 4, outputs), (1 + expanded * s) / 2));
      EXPECT_TRUE(same_bits(combined(type, {}, 4, outputs), (1 + expanded * identity) / 2));
    }
  }
}

}  // namespace
}  // namespace edgesweep
