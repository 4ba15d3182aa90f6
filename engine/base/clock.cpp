#include "engine/base/clock.hpp"

#include <chrono>
#include <cmath>
#include <ctime>

namespace edgesweep {

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string utc_timestamp() { return utc_timestamp(unix_seconds()); }

std::string utc_timestamp(double unix_time) {
  const auto whole = static_cast<std::time_t>(std::floor(unix_time));
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::optional<double> read_utc_timestamp(const std::string& text) {
  std::tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (rest == nullptr || *rest != '\0') {
    return std::nullopt;
  }
  return static_cast<double>(timegm(&parts));
}

}  // namespace edgesweep
