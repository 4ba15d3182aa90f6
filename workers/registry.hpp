#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"

namespace edgesweep {

/// Families by name, filled before main() by objects such as RegisterDataset. Keep it in a function-local static: files
/// are initialised in no particular order.
template <typename Family>
class Registry {
 public:
  /// `kind` is the subject of errors: "dataset".
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  /// Throws std::logic_error if the name is taken.
  void add(std::string name, std::unique_ptr<Family> family) {
    if (!families_.emplace(name, std::move(family)).second) {
      throw std::logic_error(kind_ + " registered twice: " + name);
    }
  }

  /// Throws InputError that lists the known names.
  const Family& get(const std::string& name) const {
    const auto found = families_.find(name);
    if (found != families_.end()) return *found->second;
    std::string known;
    for (const auto& entry : families_) known += (known.empty() ? "" : ", ") + entry.first;
    throw InputError(kind_, "unknown name \"" + name + "\"; known: " + known);
  }

  /// In alphabetical order.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : families_) result.push_back(entry.first);
    return result;
  }

 private:
  std::string kind_;
  std::map<std::string, std::unique_ptr<Family>> families_;
};

}  // namespace edgesweep
