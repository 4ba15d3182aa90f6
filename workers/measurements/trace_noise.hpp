#pragma once

#include "engine/spec/catalog.hpp"
#include "workers/measurements/measurement.hpp"

// K as far as the trace of the Gauss–Newton matrix tells it, for small ηλ (theory.md sections 3 and 4): of a squared loss
// K_tr = κ/C · η/(2(1−μ)) tr G, of any other K_gn = κ η/(2(1−μ)) tr G.
namespace edgesweep {

/// κ η/(2(1−μ)), with κ of all training examples.
double trace_noise_factor(const MeasurementContext& context);

/// K_tr or K_gn from tr G.
double trace_noise(const MeasurementContext& context, double trace);

/// Its column.
Column trace_noise_column(const Json& experiment);

}  // namespace edgesweep
