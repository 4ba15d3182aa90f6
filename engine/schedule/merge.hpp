#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// What a merge found.
struct MergeReport {
  std::int64_t trials = 0;    ///< of the sweep
  std::int64_t finished = 0;  ///< done or diverged in the merged store
  std::int64_t failed = 0;
  std::vector<std::string> disagreements;  ///< trials that two parts finished with different records, for people
};

/// Makes `out` the store of all that the parts hold of the sweep: of every trial the part that is furthest (finished, else
/// failed, else the one with most records), its parameter files, and the checkpoint of a trial that is not finished; the
/// journals, without lines that stand in several. It is as old as the oldest part. An `out` that exists is one of the parts and is replaced as a whole at
/// the end; a kill leaves the old one. The result does not depend on the order of the parts, and merging again changes
/// nothing. Throws InputError if a part is no store, or of another sweep (naming the first difference); SystemError.
MergeReport merge_stores(const Sweep& sweep, std::vector<std::string> parts, const std::string& out);

}  // namespace edgesweep
