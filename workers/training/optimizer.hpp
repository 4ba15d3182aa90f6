#pragma once

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// Canonical form of `experiment.optimizer`: that of gradient_flow.hpp if its `name` is gradient_flow, else of SGD, without a
/// name: momentum μ in [0, 1) and l2 ρ ≥ 0 of theory.md section 1, both 0 unless given;
/// nesterov, false unless given; l2_on, all parameters or "weights" alone. Throws InputError.
Json canonical_optimizer(ObjectReader reader);

/// Optimiser and loss of a canonical experiment; gradient flow has neither momentum nor l2.
SgdOptions sgd_options(const Json& experiment);

}  // namespace edgesweep
