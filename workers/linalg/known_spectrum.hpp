#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace edgesweep {

/// What is known of the upper spectrum of an operator before any product with it: pairs of one not far from it.
/// Undefined tensors: nothing is known.
struct KnownSpectrum {
  at::Tensor vectors;  ///< [m, P], orthonormal; the uppermost eigenvectors first
  at::Tensor values;   ///< [m], float64 on the CPU

  bool defined() const { return vectors.defined(); }
};

/// `starts` vectors ([starts, P]) for a search of as many uppermost eigenvectors: the known ones, the last one with a
/// little of the next two in it, so that one of them which has risen shows in the residual.
at::Tensor start_vectors(const KnownSpectrum& known, std::int64_t starts);

/// (θ − M)⁻¹ r, the step of Davidson's method and to first order what is missing from a Ritz vector with value θ and
/// residual r. M has the known pairs and θ/2 elsewhere, where a curvature's eigenvalues are at most about that. No
/// distance from θ counts as less than |θ|/10: the known values are a little out of date.
at::Tensor correction(const KnownSpectrum& known, double theta, const at::Tensor& residual);

/// The up to `count` pairs to know next: the first `leading` ones of `found` ([n, P], uppermost first), and behind them the
/// uppermost of the others and of what of the known space is orthogonal to them, with the values that it had.
KnownSpectrum renewed(const KnownSpectrum& known, const KnownSpectrum& found, std::int64_t leading, std::int64_t count);

}  // namespace edgesweep
