#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "workers/models/model.hpp"

namespace edgesweep {

/// Nodes and weights of a Gauss quadrature: Σ_k weights_k f(nodes_k).
struct Quadrature {
  std::vector<double> nodes;    ///< ascending
  std::vector<double> weights;  ///< ≥ 0, their sum is 1
};

/// Gauss quadrature of vᵀ f(H) v with v = start/‖start‖ by `steps` ≥ 1 steps of Lanczos: nodes are the eigenvalues (Ritz values)
/// of the tridiagonal matrix, weights the squares of the first components of its eigenvectors (Golub & Welsch 1969,
/// "Calculation of Gauss quadrature rules"). Exact for polynomials f of degree 2·steps − 1 and less. Fewer nodes than steps
/// where the Krylov space of `start` ends sooner, at the operator's size at the latest; the quadrature then is exact for
/// every f. All NaN, one node, if the operator gave a value that is not finite.
/// Full reorthogonalisation: `steps` vectors of the operator's size are kept. Products are of the dtype of `start`.
Quadrature lanczos_quadrature(SymmetricOperator& op, const at::Tensor& start, std::int64_t steps);

}  // namespace edgesweep
