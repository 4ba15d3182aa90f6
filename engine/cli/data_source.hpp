#pragma once

#include <string>

#include "workers/workers.hpp"

namespace edgesweep {

/// Where data sets are looked for: `option` (--data) if it is not empty, else the environment's EDGESWEEP_DATA, else
/// the data that come with edgesweep: share/edgesweep/data of an installation, or sweeps/data of the source tree.
DataSource data_source(const std::string& option);

/// The NTK or Jacobian in an HDF5 file. Throws InputError as read_matrix_file does.
KnormMatrix read_knorm_matrix(const std::string& path);

}  // namespace edgesweep
