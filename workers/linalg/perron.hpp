#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace edgesweep {

/// Largest eigenvalue of a symmetric, entrywise non-negative map on vectors like `like` ([n], floating point).
///
/// Lanczos with full reorthogonalisation from the vector of ones. The Perron vector has no negative entry, so that its
/// cosine with the start is at least 1/√n however close the next eigenvalues are; the top Ritz polynomial grows beyond
/// its largest root, so it never loses that share. A residual of ε θ therefore bounds the error by √n ε θ, also for
/// clustered or reducible maps, where watching the value settle would not. ε is 1e-12 in float64, 1e-5 in float32.
/// At most n products; usually about 15.
double largest_eigenvalue_nonnegative(const std::function<at::Tensor(const at::Tensor&)>& map, const at::Tensor& like);

}  // namespace edgesweep
