#include "engine/base/error.hpp"

#include <algorithm>
#include <utility>

namespace edgesweep {

std::string one_line(const char* what) {
  constexpr std::size_t longest = 500;
  const std::string text = what;
  return text.substr(0, std::min(text.find('\n'), longest));
}

Error::Error(std::string subject, std::string reason)
    : std::runtime_error(subject + ": " + reason), subject_(std::move(subject)), reason_(std::move(reason)) {}

}  // namespace edgesweep
