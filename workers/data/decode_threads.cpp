#include "workers/data/decode_threads.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdlib>

namespace edgesweep {
namespace {

/// A positive number, 0 if there is none.
int number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::max(0, std::atoi(text));
}

int allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

int decode_threads() {
  if (const int wanted = number_in("EDGESWEEP_DECODE_THREADS"); wanted > 0) return wanted;
  const int ranks = std::max({1, number_in("OMPI_COMM_WORLD_LOCAL_SIZE"), number_in("SLURM_NTASKS_PER_NODE")});
  return std::max(1, allowed_processors() / ranks);
}

}  // namespace edgesweep
