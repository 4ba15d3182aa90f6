#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>

#include "workers/measurements/measurement.hpp"

namespace edgesweep {

struct BartlettSettings {
  std::int64_t batch = 64;  ///< b, examples of one gradient; with batch normalisation a chunk of their own
  std::int64_t draws = 1;   ///< of the targets of all examples
};

struct TraceEstimate {
  double trace = 0;
  double standard_error = 0;
};

/// tr G of the Gauss–Newton matrix of the mean loss over the examples by Bartlett's identity (theory.md section 4): with targets
/// drawn from the model's own prediction and g the gradient of the mean loss of b examples, E b ‖g‖² is their tr G. One forward and one
/// backward pass over the examples a draw, two forward. The standard error comes from how the draws of a batch differ; with one draw from how
/// batches differ, which is more; NaN if there is nothing to compare. A pure function of the trial and θ: the same draws at each record.
TraceEstimate bartlett_trace(const MeasurementContext& context, const Examples& examples, c10::ScalarType dtype,
                             const BartlettSettings& settings);

}  // namespace edgesweep
