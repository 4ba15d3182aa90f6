#pragma once

#include <string>

#include "engine/base/json.hpp"

namespace edgesweep {

/// What this program is made of: {"edgesweep": "0.1.0", "libtorch", "hdf5", "mpi", "compiler"}.
Json dependency_versions();

/// The same in one line: `edgesweep 0.1.0 (LibTorch …, HDF5 …, Open MPI …)`.
std::string version_line();

}  // namespace edgesweep
