#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "workers/linalg/known_spectrum.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

struct TopEigenpairsSettings {
  std::int64_t count = 1;          ///< k ≥ 1
  double tolerance = 1e-3;         ///< wanted error of each eigenvalue, relative to it
  std::int64_t max_matvecs = 200;  ///< products, those with the start vectors included
};

/// The k largest algebraic eigenvalues, λ_1 ≥ λ_2 ≥ …; fewer if the operator is smaller than k. NaN if the operator
/// gave a value that is not finite.
struct TopEigenpairs {
  std::vector<double> values;
  std::vector<double> residuals;  ///< ‖H x_i − θ_i x_i‖, ‖x_i‖ = 1
  /// For the next, similar operator: k + 11 pairs if that many are known, the eigenvectors x_i first. Not defined where
  /// the values are NaN.
  KnownSpectrum known;
  std::int64_t matvecs = 0;
  bool converged = false;
};

/// Lanczos in Davidson's form: the basis starts with the rows of `start` ([s, P], s ≥ 1, any independent vectors) and
/// grows by the residual of the first pair that has not converged; from a single vector this spans the Krylov space.
/// Full reorthogonalisation; residuals come from stored products, not from a recurrence. Memory: about
/// 2 max(40, 3k + 24) vectors. A pair has converged when its residual is below tolerance · |θ| / 2: an eigenvalue is then
/// that near. Sooner is not safe, since the basis may not yet tell λ_1 from a close λ_2: the gap then is that to a third
/// value, and the increments of θ come to rest for a while.
TopEigenpairs top_eigenpairs(SymmetricOperator& op, const at::Tensor& start, const TopEigenpairsSettings& settings);

/// The same from what is known of a similar operator, in far fewer products: the basis grows by correction(r), not by the
/// residual r, so that it finds at once how the known vectors have turned into each other. A pair also has converged
/// when two estimates of its error are both small: r · correction(r), which is second-order perturbation theory, against
/// a third of the tolerance or less (see shortfall), and the sum of the remaining increments of θ, extrapolated from the
/// last ones.
TopEigenpairs top_eigenpairs(SymmetricOperator& op, const KnownSpectrum& known, const TopEigenpairsSettings& settings);

}  // namespace edgesweep
