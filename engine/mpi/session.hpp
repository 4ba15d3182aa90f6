#pragma once

#include <functional>
#include <string>

#include "engine/base/error.hpp"

namespace edgesweep {

/// MPI for as long as it lives, if the process was started by an MPI launcher (mpirun, srun); else a world of one rank
/// without MPI. Errors of MPI calls come back as codes (MPI_ERRORS_RETURN) and are thrown as SystemError.
class Session {
 public:
  /// Throws SystemError if MPI can't start.
  Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Finalizes. While an exception unwinds it aborts all ranks instead: MPI_Finalize would wait for them.
  ~Session();

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Position among the workers (ranks 1, 2, …) of this machine; 0 for rank 0.
  int local_worker() const { return local_worker_; }

  /// Runs `body`. With several ranks an exception that leaves it is logged with the rank, and ends all ranks
  /// with ExitCode::failure.
  ExitCode run(const std::function<ExitCode()>& body);

 private:
  bool uses_mpi_ = false;
  int rank_ = 0;
  int size_ = 1;
  int local_worker_ = 0;
};

/// One line that names the MPI library, such as "Open MPI v4.1.4".
std::string mpi_library_version();

}  // namespace edgesweep
