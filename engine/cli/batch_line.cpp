#include "engine/cli/batch_line.hpp"

#include <cmath>
#include <cstdio>

namespace edgesweep {
namespace {

constexpr double kSafetyFactor = 2;
constexpr double kSecondsForCheckpoints = 120;  // --signal=B:USR1@120 in slurm/*.sbatch

/// `text` as one word of a shell's command line.
std::string quoted(const std::string& text) {
  constexpr const char* kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char letter : text) {
    word += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  }
  return word + "'";
}

}  // namespace

double walltime_seconds(double predicted_seconds) {
  return 60 * std::ceil((kSafetyFactor * predicted_seconds + kSecondsForCheckpoints) / 60);
}

std::string walltime_text(double seconds) {
  const auto total = static_cast<long long>(seconds);
  const long long days = total / 86400;
  char text[48];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", total / 3600 % 24, total / 60 % 60, total % 60);
  return days > 0 ? std::to_string(days) + "-" + text : text;
}

std::string batch_line(const BatchJob& job) {
  std::string line = "sbatch";
  if (job.shards > 0) line += " --array=1-" + std::to_string(job.shards);
  line += " --ntasks=" + std::to_string(job.workers) + " --time=" + walltime_text(walltime_seconds(job.predicted_seconds));
  line += job.shards > 0 ? " slurm/array.sbatch " : " slurm/sweep.sbatch ";
  line += quoted(job.sweep) + " " + quoted(job.store);
  for (const std::string& change : job.overrides) line += " --set " + quoted(change);
  return line;
}

std::string merge_line(const BatchJob& job) {
  return "sbatch --dependency=afterany:JOB slurm/merge.sbatch " + quoted(job.store);
}

}  // namespace edgesweep
