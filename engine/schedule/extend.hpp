#pragma once

#include <cstdint>
#include <string>

#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// What went from an old store to the store of a changed sweep.
struct ExtendReport {
  std::int64_t trials = 0;    ///< of the new sweep
  std::int64_t kept = 0;      ///< finished ones taken over
  std::int64_t continued = 0;  ///< unfinished ones that go on from their checkpoint
  std::int64_t left = 0;      ///< finished ones of the old store that the new sweep has no place for
};

/// Makes the store `out` of the new sweep with every trial of the old store whose definition is the same: the trial's key,
/// the steps at which it is measured, the divergence limit, the stop rule, and columns that the old store has. All others are pending.
/// Throws InputError if `out` exists or a parameter file that the new sweep keeps was not kept; SystemError.
ExtendReport extend_store(const Sweep& old_sweep, const std::string& old_store, const Sweep& new_sweep,
                          const std::string& out, const std::string& created);

}  // namespace edgesweep
