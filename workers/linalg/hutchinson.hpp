#pragma once

#include <c10/core/TensorOptions.h>

#include <cstdint>

#include "workers/models/model.hpp"

namespace edgesweep {

/// Hutchinson's estimate of tr(H): the mean of uᵀ H u over `probes` vectors of random signs, exact for a diagonal H.
/// Probe i is a pure function of `random_key` and i, so that estimates at different times have a common error.
/// Variance 2 Σ_{i≠j} H_ij² / probes. `options`: dtype and device of the operator.
double hutchinson_trace(SymmetricOperator& op, std::uint64_t random_key, std::int64_t probes,
                        const at::TensorOptions& options);

}  // namespace edgesweep
