#include "workers/training/optimizer.hpp"

namespace edgesweep {

Json canonical_optimizer(ObjectReader reader) {
  const Range momentum{.low = 0, .high = 1, .high_open = true};
  Json canonical = {{"momentum", reader.number("momentum", momentum, 0.0)},
                    {"l2", reader.number("l2", Range::not_negative(), 0.0)}};
  // Only where it is on: sweeps from before there was a choice keep their keys.
  if (reader.boolean("nesterov", false)) canonical["nesterov"] = true;
  reader.finish();
  return canonical;
}

SgdOptions sgd_options(const Json& experiment) {
  const Json& optimizer = experiment.at("optimizer");
  return {optimizer.at("momentum"), optimizer.at("l2"), optimizer.value("nesterov", false),
          loss_named(experiment.at("loss").get<std::string>())};
}

}  // namespace edgesweep
