#pragma once

namespace edgesweep {

/// Threads that read and decode images in this process: $EDGESWEEP_DECODE_THREADS, else this process's share of the processors
/// that it may use among the ranks that Open MPI or Slurm started beside it. At least 1.
int decode_threads();

}  // namespace edgesweep
