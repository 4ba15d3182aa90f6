#pragma once

#include "engine/base/error.hpp"

namespace edgesweep {

/// TrialRunner::run throws it when not the trial is at fault, and no other could run there either: its GPU or data is gone.
class RunnerUnfit : public SystemError {
 public:
  using SystemError::SystemError;
};

}  // namespace edgesweep
