#pragma once

#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// The sweep of `run SWEEP --fork STORE:TRIAL@STEP`: its trials are the trial b<B>-p<point>-s<seed> of a store up to the step
/// and go on from there by themselves. `fork` empty: the sweep as it is. Throws InputError about the option if there is no
/// such trial or step, or if its experiment is another one than the sweep's.
Sweep load_forked_sweep(const std::string& path, const std::vector<std::string>& overrides, const std::string& fork,
                        const Catalog& catalog);

}  // namespace edgesweep
