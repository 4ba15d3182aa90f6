#include "engine/store/checkpoint_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/system_calls.hpp"

namespace edgesweep {
namespace {

// A checkpoint is one line of text, `edgesweep-checkpoint 1 <trial key> <bytes of state> <sha256 of state>`, and the state.
constexpr std::string_view kMagic = "edgesweep-checkpoint";
constexpr int kVersion = 1;
constexpr std::size_t kMostHeader = 512;

std::string old_path(const std::string& path) { return path + ".old"; }

void rename_file(const std::string& from, const std::string& to) {
  if (!calls::rename(from, to))
    throw SystemError(from, "renaming it to " + to + " failed: " + std::strerror(errno));
}

/// The state in one file, if it is whole and of this trial.
std::optional<Bytes> read_one(const std::string& path, const std::string& trial_key) {
  if (access(path.c_str(), R_OK) != 0) return {};
  Bytes content = read_binary_file(path);
  const auto* text = reinterpret_cast<const char*>(content.data());
  const auto end = std::find(text, text + std::min(content.size(), kMostHeader), '\n');
  if (end == text + std::min(content.size(), kMostHeader)) return {};

  std::istringstream header(std::string(text, end));
  std::string magic, key, digest;
  int version = 0;
  std::size_t length = 0;
  header >> magic >> version >> key >> length >> digest;
  const auto begin = static_cast<std::size_t>(end - text) + 1;
  if (!header || magic != kMagic || version != kVersion || key != trial_key || content.size() - begin != length)
    return {};
  if (sha256_hex(std::span(content).subspan(begin)) != digest) return {};
  content.erase(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(begin));
  return content;
}

}  // namespace

void write_checkpoint(const std::string& path, const std::string& trial_key, const Bytes& state) {
  const std::string header = std::string(kMagic) + " " + std::to_string(kVersion) + " " + trial_key + " " +
                             std::to_string(state.size()) + " " + sha256_hex(state) + "\n";
  Bytes content(header.size() + state.size());
  std::memcpy(content.data(), header.data(), header.size());
  if (!state.empty()) std::memcpy(content.data() + header.size(), state.data(), state.size());

  // The new one lies on the disk, whole, before the one that is there moves.
  const std::string fresh = path + ".new";
  write_file_atomically(fresh, content);
  if (access(path.c_str(), F_OK) == 0) rename_file(path, old_path(path));
  rename_file(fresh, path);
  sync_path(directory_of(path));
}

std::optional<Bytes> read_checkpoint(const std::string& path, const std::string& trial_key) {
  if (auto state = read_one(path, trial_key)) return state;
  return read_one(old_path(path), trial_key);
}

void remove_checkpoint(const std::string& path) {
  for (const std::string& name : {path + ".new", old_path(path), path})
    if (unlink(name.c_str()) != 0 && errno != ENOENT)
      throw SystemError(name, std::string("can't be removed: ") + std::strerror(errno));
}

}  // namespace edgesweep
