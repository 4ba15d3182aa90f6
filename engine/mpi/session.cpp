#include "engine/mpi/session.hpp"

#include <mpi.h>

#include <array>
#include <cstdlib>
#include <exception>

#include "engine/base/log.hpp"
#include "engine/mpi/check.hpp"

namespace edgesweep {
namespace {

/// What mpirun (Open MPI, MPICH) and srun (PMIx, PMI-2) leave in the environment. MPI_Init without a launcher starts
/// a daemon and takes a second: not for a run of one process.
bool launched_by_mpi() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) {
      return true;
    }
  }
  return false;
}

/// The one of this machine's workers that this rank is.
int find_local_worker(int rank) {
  MPI_Comm machine = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, rank == 0 ? MPI_UNDEFINED : MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL,
                                &machine),
            "MPI_Comm_split_type");
  int local = 0;
  if (machine != MPI_COMM_NULL) {
    check_mpi(MPI_Comm_rank(machine, &local), "MPI_Comm_rank");
    check_mpi(MPI_Comm_free(&machine), "MPI_Comm_free");
  }
  return local;
}

}  // namespace

Session::Session() {
  if (!launched_by_mpi()) {
    return;
  }
  int provided = 0;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  uses_mpi_ = true;
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  if (size_ > 1) {
    if (rank_ > 0) {
      set_log_rank(rank_);  // rank 0 speaks for the run
    }
    local_worker_ = find_local_worker(rank_);
  }
}

Session::~Session() {
  if (!uses_mpi_) {
    return;
  }
  if (std::uncaught_exceptions() > 0 && size_ > 1) {
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(ExitCode::failure));
  }
  MPI_Finalize();
}

ExitCode Session::run(const std::function<ExitCode()>& body) {
  if (size_ == 1) {
    return body();
  }
  try {
    return body();
  } catch (const std::exception& error) {
    set_log_rank(rank_);
    log_error(one_line(error.what()));
  }
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(ExitCode::failure));
  return ExitCode::failure;
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  const std::string whole(text.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));
}

}  // namespace edgesweep
