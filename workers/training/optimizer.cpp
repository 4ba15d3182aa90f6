#include "workers/training/optimizer.hpp"

namespace edgesweep {

Json canonical_optimizer(ObjectReader reader) {
  const Range momentum{.low = 0, .high = 1, .high_open = true};
  const Json canonical = {{"momentum", reader.number("momentum", momentum, 0.0)},
                          {"l2", reader.number("l2", Range::not_negative(), 0.0)}};
  reader.finish();
  return canonical;
}

}  // namespace edgesweep
