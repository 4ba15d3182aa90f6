#include "workers/models/model.hpp"

namespace edgesweep {

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters()) count += parameter.count;
  return count;
}

}  // namespace edgesweep
