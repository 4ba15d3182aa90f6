#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace edgesweep {

/// Largest eigenvalue of a symmetric map that takes a cone into itself, on vectors like `start` ([n], floating point).
///
/// Lanczos with full reorthogonalisation from `start`, whose norm does not matter. Choose it well inside the cone: a map
/// without negative entries takes a vector of ones, one that takes positive semidefinite C × C blocks to such blocks
/// takes unit matrices. The Perron vector lies in the cone, so that its cosine with either is at least 1/√n however close
/// the next eigenvalues are; the top Ritz polynomial grows beyond its largest root, so it never loses that share. A
/// residual of ε θ therefore bounds the error by √n ε θ, also for clustered or reducible maps, where watching the value
/// settle would not. ε is 1e-12 in float64, 1e-5 in float32. At most n products; usually 10 to 70. Without
/// such a cone nothing says that the eigenvalue found is the largest.
double largest_eigenvalue_of_positive_map(const std::function<at::Tensor(const at::Tensor&)>& map,
                                          const at::Tensor& start);

}  // namespace edgesweep
