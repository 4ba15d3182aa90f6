#include "engine/base/error.hpp"

#include <utility>

namespace edgesweep {

Error::Error(std::string subject, std::string reason)
    : std::runtime_error(subject + ": " + reason), subject_(std::move(subject)), reason_(std::move(reason)) {}

}  // namespace edgesweep
