#include "engine/cli/stop_time.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

/// Enough for the last checkpoints, and for a slow shared disk.
constexpr double kSecondsBeforeEnd = 30;

/// Seconds since 1970, as decimal digits.
std::optional<double> read_seconds(const std::string& text) {
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc() || rest != end || seconds < 0) return std::nullopt;
  return static_cast<double>(seconds);
}

std::optional<double> read_date(const std::string& text) {
  std::tm date{};
  date.tm_isdst = -1;  // summer time or not is for mktime to find out
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &date);
  if (rest == nullptr) return std::nullopt;
  if (std::string(rest).empty()) return static_cast<double>(mktime(&date));
  if (std::string(rest) == "Z") return static_cast<double>(timegm(&date));
  return std::nullopt;
}

}  // namespace

std::optional<double> stop_time(const std::string& option) {
  if (!option.empty()) {
    if (const auto seconds = read_seconds(option)) return seconds;
    if (const auto date = read_date(option)) return date;
    throw InputError("--stop-at", "is \"" + option + "\"; must be seconds since 1970 or a time as in 2026-01-31T12:00:00");
  }
  const char* end = std::getenv("SLURM_JOB_END_TIME");
  if (end == nullptr) return std::nullopt;
  if (const auto seconds = read_seconds(end)) return *seconds - kSecondsBeforeEnd;
  return std::nullopt;
}

}  // namespace edgesweep
