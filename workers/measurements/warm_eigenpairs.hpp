#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "workers/linalg/top_eigenpairs.hpp"
#include "workers/measurements/measurement.hpp"

namespace edgesweep {

/// Largest eigenvalues of an operator that changes a little from record to record: random vectors of the trial start the
/// first solve, what the one before has found starts the others. What is known is the state of the measurement.
class WarmEigenpairs {
 public:
  /// `options`: dtype and device of the operator's vectors.
  TopEigenpairs solve(SymmetricOperator& op, const TopEigenpairsSettings& settings, std::uint64_t random_key,
                      const at::TensorOptions& options);
  /// Eigenvectors of the last solve, `count` × P, uppermost first; at least as many were asked for.
  at::Tensor vectors(std::int64_t count) const { return known_.vectors.narrow(0, 0, count); }
  bool defined() const { return known_.defined(); }

  MeasurementState state() const;
  void restore(const MeasurementState& state);

 private:
  KnownSpectrum known_;
};

}  // namespace edgesweep
