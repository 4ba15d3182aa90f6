#include "workers/theory/symmetric_products.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace edgesweep {
namespace {

TEST(SymmetricProducts, AreTheSameByTrianglesByMatricesAndByTheirDefinition) {
  at::manual_seed(4);
  at::Tensor matrices = at::randn({3, 4, 7, 7}, at::kDouble);
  matrices = matrices + matrices.transpose(2, 3).contiguous();
  for (const std::int64_t k : {1, 2, 5}) {
    const at::Tensor vectors = at::randn({3, k, 7}, at::kDouble);
    const at::Tensor expected = at::einsum("nmab,nkb->nkma", {matrices, vectors});
    for (const auto way : {symmetric_products, symmetric_products_by_triangles, symmetric_products_by_matrices}) {
      at::Tensor found = at::full(expected.sizes(), 1e9, at::kDouble);
      way(matrices, vectors, found);
      EXPECT_LT((found - expected).abs().max().item<double>(), 1e-13);  // rounding of sums of 7 numbers below 10
    }
  }
}

}  // namespace
}  // namespace edgesweep
