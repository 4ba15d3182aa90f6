#include "engine/display/duration.hpp"

#include <cmath>
#include <cstdint>

namespace edgesweep {
namespace {

std::string two_digits(std::int64_t number) {
  std::string text = std::to_string(number);
  text.insert(0, text.size() < 2 ? 1 : 0, '0');
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) {
    return std::to_string(whole) + " s";
  }
  if (whole < 3600) {
    return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  }
  if (whole < 86400) {
    return std::to_string(whole / 3600) + " h " + two_digits(whole % 3600 / 60) + " min";
  }
  return std::to_string(whole / 86400) + " d " + std::to_string(whole % 86400 / 3600) + " h";
}

}  // namespace edgesweep
