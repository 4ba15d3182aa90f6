#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "workers/models/model.hpp"

namespace edgesweep {

struct TopEigenpairsSettings {
  std::int64_t count = 1;          ///< k ≥ 1
  double tolerance = 1e-3;         ///< wanted error of each eigenvalue, relative to it
  std::int64_t max_matvecs = 200;  ///< products, those with the start vectors included
  bool warm = false;               ///< the start holds the uppermost Ritz vectors of an operator not far from this one
};

/// The k largest algebraic eigenvalues, λ_1 ≥ λ_2 ≥ …; fewer if the operator is smaller than k. NaN if the operator
/// gave a value that is not finite.
struct TopEigenpairs {
  std::vector<double> values;
  std::vector<double> residuals;  ///< ‖H x_i − θ_i x_i‖, ‖x_i‖ = 1
  /// [up to k + 1, P], orthonormal: one more than asked for, since the next eigenvalue may be the largest one by the
  /// time of a warm start. Undefined where the values are NaN.
  at::Tensor vectors;
  std::int64_t matvecs = 0;
  bool converged = false;
};

/// Lanczos in Davidson's form: the basis starts with the rows of `start` ([s, P], s ≥ 1, any independent vectors) and
/// grows by the residual of the first pair that has not converged; from a single vector this spans the Krylov space,
/// from several it is a thick restart. Full reorthogonalisation; residuals come from stored products, not from a
/// recurrence. Memory: about 2 max(40, 3k + 24) vectors.
///
/// A pair has converged when its residual is below tolerance · |θ| / 2: an eigenvalue is then that near. From a warm
/// start it also has when two estimates of the error are both small: the quadratic bound residual² / gap, and the sum of
/// the remaining increments of θ, extrapolated from the last ones; about half the products. After a cold start neither
/// can be trusted, since the basis may not yet tell λ_1 from a close λ_2: the gap then is that to a third value, and
/// the increments come to rest for a while.
TopEigenpairs top_eigenpairs(SymmetricOperator& op, const at::Tensor& start, const TopEigenpairsSettings& settings);

}  // namespace edgesweep
