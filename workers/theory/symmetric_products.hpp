#pragma once

#include <ATen/core/Tensor.h>

namespace edgesweep {

/// Every matrix of a group times every vector of the group: `matrices` [n, m, P, P], each symmetric, `vectors` [n, k, P],
/// into `products` [n, k, m, P]; float64, contiguous, on one device. Memory bound for small k: for at most two vectors on
/// the CPU only a triangle of each matrix is read.
void symmetric_products(const at::Tensor& matrices, const at::Tensor& vectors, at::Tensor& products);

/// The two ways of which symmetric_products() takes the cheaper one; the first is for the CPU only.
void symmetric_products_by_triangles(const at::Tensor& matrices, const at::Tensor& vectors, at::Tensor& products);
void symmetric_products_by_matrices(const at::Tensor& matrices, const at::Tensor& vectors, at::Tensor& products);

}  // namespace edgesweep
