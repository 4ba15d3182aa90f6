#pragma once

#include <optional>
#include <string>

#include "engine/spec/trial_runner.hpp"

namespace edgesweep {

/// Writes `state` with a header (magic, version, trial key, length, sha256): under a temporary name, synced, renamed,
/// and the directory synced; the checkpoint that was there before is kept as `path + ".old"` until then.
/// Throws SystemError.
void write_checkpoint(const std::string& path, const std::string& trial_key, const Bytes& state);

/// The newest whole checkpoint of the trial: `path`, or `path + ".old"` if that is torn or missing. Empty if neither is
/// whole or both belong to another trial key.
std::optional<Bytes> read_checkpoint(const std::string& path, const std::string& trial_key);

/// Removes both; missing files are fine.
void remove_checkpoint(const std::string& path);

}  // namespace edgesweep
