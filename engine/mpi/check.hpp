#pragma once

namespace edgesweep {

/// Throws SystemError with MPI's own text unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace edgesweep
