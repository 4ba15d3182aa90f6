#pragma once

#include <ATen/core/Tensor.h>

namespace edgesweep {

/// Every matrix of a group times every vector of the group: `matrices` [n, m, P, P], each symmetric, `vectors` [n, k, P],
/// result [n, k, m, P]; float64, contiguous, on one device. Memory bound for small k: for at most two vectors on the CPU
/// only a triangle of each matrix is read.
at::Tensor symmetric_products(const at::Tensor& matrices, const at::Tensor& vectors);

/// The two ways of which symmetric_products() takes the cheaper one.
at::Tensor symmetric_products_by_triangles(const at::Tensor& matrices, const at::Tensor& vectors);  ///< CPU only
at::Tensor symmetric_products_by_matrices(const at::Tensor& matrices, const at::Tensor& vectors);

}  // namespace edgesweep
