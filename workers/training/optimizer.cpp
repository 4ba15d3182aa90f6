#include "workers/training/optimizer.hpp"

#include <utility>

#include "workers/training/gradient_flow.hpp"

namespace edgesweep {

Json canonical_optimizer(ObjectReader reader) {
  if (reader.choice("name", {"sgd", "gradient_flow"}, "sgd") == "gradient_flow") {
    return canonical_gradient_flow(std::move(reader));
  }
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
  return {optimizer.value("momentum", 0.0), optimizer.value("l2", 0.0), optimizer.value("nesterov", false),
          loss_named(experiment.at("loss").get<std::string>())};
}

}  // namespace edgesweep
