#include "workers/theory/symmetric_products.hpp"

#include <ATen/ATen.h>
#include <cblas.h>

#include <cstdint>

namespace edgesweep {

void symmetric_products(const at::Tensor& matrices, const at::Tensor& vectors, at::Tensor& products) {
  // A product of matrices with two columns packs the large matrix for nothing.
  constexpr std::int64_t kFewVectors = 2;
  if (vectors.is_cpu() && vectors.size(1) <= kFewVectors) {
    symmetric_products_by_triangles(matrices, vectors, products);
  } else {
    symmetric_products_by_matrices(matrices, vectors, products);
  }
}

void symmetric_products_by_triangles(const at::Tensor& matrices, const at::Tensor& vectors, at::Tensor& products) {
  const std::int64_t groups = matrices.size(0), m = matrices.size(1), p = matrices.size(2), k = vectors.size(1);
  const double* matrix = matrices.data_ptr<double>();
  const double* vector = vectors.data_ptr<double>();
  double* product = products.data_ptr<double>();
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < k; ++j) {  // innermost: the triangle is still in the cache for the second vector
        cblas_dsymv(CblasRowMajor, CblasUpper, static_cast<int>(p), 1.0, matrix + (group * m + i) * p * p,
                    static_cast<int>(p), vector + (group * k + j) * p, 1, 0.0,
                    product + ((group * k + j) * m + i) * p, 1);
      }
    }
  }
}

void symmetric_products_by_matrices(const at::Tensor& matrices, const at::Tensor& vectors, at::Tensor& products) {
  const std::int64_t groups = matrices.size(0), m = matrices.size(1), p = matrices.size(2);
  at::Tensor rows = products.view({groups, vectors.size(1), m * p});
  at::bmm_out(rows, vectors, matrices.view({groups, m * p, p}).transpose(1, 2));
}

}  // namespace edgesweep
