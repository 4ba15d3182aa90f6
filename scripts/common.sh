# Sourced by the other scripts: the source folder, the compiler, and how to start MPI programs.
# shellcheck shell=bash

# shellcheck disable=SC2034  # used by the scripts that source this file
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Processors for this process; nproc alone would take OMP_NUM_THREADS for their number.
count_cores() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc; }

# Ubuntu 22.04's g++ is 11; setup.sh puts g++-12 beside it. A compiler that the user chose stays.
choose_compiler() {
  if [ -z "${CXX:-}" ] && command -v g++-12 >/dev/null && [ "$(g++ -dumpversion | cut -d. -f1)" -lt 12 ]; then
    export CC=gcc-12 CXX=g++-12
  fi
}

# Fills mpi_command with mpirun and its options; arguments: number of ranks.
choose_mpi() {
  mpi_command=(mpirun -n "$1")
  if mpirun --version 2>/dev/null | grep -qi 'open mpi\|open-mpi'; then
    # Without binding ranks and the threads they start share all cores; 20 s are for the last checkpoint after SIGTERM.
    mpi_command+=(--oversubscribe --bind-to none --mca odls_base_sigkill_timeout 20)
    if [ "$(id -u)" -eq 0 ]; then
      export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
  fi
}
