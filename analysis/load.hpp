#pragma once

#include "analysis/sweep_data.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {

/// Everything committed in a store, also in one that is being written.
SweepData load_sweep_data(const StoreReader& reader);

}  // namespace edgesweep
