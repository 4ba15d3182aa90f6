#pragma once

#include <optional>
#include <string>

namespace edgesweep {

/// When a run has to stop by itself, in seconds since 1970: `option`, the text of --stop-at, a number of seconds since 1970 or
/// 2026-01-31T12:00:00, local time (UTC with a Z at its end). If it is empty: 30 s before the end of the Slurm allocation,
/// if SLURM_JOB_END_TIME is set. Throws InputError.
std::optional<double> stop_time(const std::string& option);

}  // namespace edgesweep
