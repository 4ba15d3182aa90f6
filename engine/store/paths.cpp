#include "engine/store/paths.hpp"

#include <filesystem>
#include <system_error>

namespace edgesweep {
namespace {

std::string trial_path(const std::string& directory, const Trial& trial) { return directory + "/" + trial_name(trial); }

}  // namespace

std::string trial_name(const Trial& trial) {
  return "b" + std::to_string(trial.cell.batch) + "-p" + std::to_string(trial.cell.point) + "-s" + std::to_string(trial.seed);
}

std::string StorePaths::lock() const {
  std::error_code error;
  if (!std::filesystem::is_symlink(store, error)) return store + ".lock";
  const auto target = std::filesystem::canonical(store, error);
  return (error ? store : target.string()) + ".lock";
}

std::string StorePaths::checkpoint(const Trial& trial) const {
  return trial_path(checkpoint_directory(), trial) + ".ckpt";
}

std::string StorePaths::parameters(const Trial& trial, std::optional<std::int64_t> record) const {
  const std::string stem = trial_path(parameter_directory(), trial);
  return record ? stem + "-r" + std::to_string(*record) + ".pt" : stem + ".pt";
}

}  // namespace edgesweep
