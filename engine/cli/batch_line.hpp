#pragma once

#include <string>
#include <vector>

namespace edgesweep {

/// A sweep as `edgesweep plan` proposes it to Slurm.
struct BatchJob {
  std::string sweep;                   ///< sweep file
  std::string store;
  std::vector<std::string> overrides;  ///< --set path=value
  int workers = 1;                     ///< ranks that train, of each job
  int shards = 0;                      ///< jobs of the array; 0: one job, no array
  double predicted_seconds = 0;        ///< of the longest job
};

/// Seconds to ask Slurm for: twice the predicted ones, since predictions are rough, and the two minutes that the scripts
/// leave for the last checkpoints, rounded up to minutes.
double walltime_seconds(double predicted_seconds);

/// As --time takes it: 01:30:00 or, from a day on, 2-01:30:00.
std::string walltime_text(double seconds);

/// The line that submits the job by slurm/sweep.sbatch or slurm/array.sbatch from the source folder, quoted for the shell.
std::string batch_line(const BatchJob& job);

/// For an array: the line that merges its parts, in which JOB stands for its number.
std::string merge_line(const BatchJob& job);

}  // namespace edgesweep
