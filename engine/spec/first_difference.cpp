#include <algorithm>

#include "engine/spec/sweep.hpp"

namespace edgesweep {
namespace {

std::string shown(const Json* value) {
  return value == nullptr ? "absent" : value->dump();
}

/// `nullptr` stands for an absent value; `mine` and `theirs` are not both absent.
std::string difference(const Json* mine, const Json* theirs, const std::string& path) {
  if (mine != nullptr && theirs != nullptr) {
    if (*mine == *theirs) {
      return {};
    }
    if (mine->is_object() && theirs->is_object()) {
      Json keys = *mine;
      keys.update(*theirs);
      for (const auto& [key, value] : keys.items()) {
        const auto at = [&key = key](const Json& object) {
          return object.contains(key) ? &object[key] : nullptr;
        };
        const std::string found = difference(at(*mine), at(*theirs), path.empty() ? key : path + "." + key);
        if (!found.empty()) {
          return found;
        }
      }
    } else if (mine->is_array() && theirs->is_array()) {
      for (std::size_t i = 0; i < std::max(mine->size(), theirs->size()); ++i) {
        const auto at = [i](const Json& list) { return i < list.size() ? &list[i] : nullptr; };
        const std::string found = difference(at(*mine), at(*theirs), path + "[" + std::to_string(i) + "]");
        if (!found.empty()) {
          return found;
        }
      }
    }
  }
  return (path.empty() ? "the sweep" : path) + " is " + shown(mine) + " here, " + shown(theirs) + " there";
}

}  // namespace

std::string first_difference(const Json& mine, const Json& theirs) {
  return difference(&mine, &theirs, "");
}

}  // namespace edgesweep
