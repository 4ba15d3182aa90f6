#pragma once

#include <string>

namespace edgesweep {

/// Where data sets are looked for: `option` (--data) if it is not empty, else the environment's EDGESWEEP_DATA, else
/// the data that come with edgesweep: share/edgesweep/data of an installation, or sweeps/data of the source tree.
std::string data_directory(const std::string& option);

}  // namespace edgesweep
