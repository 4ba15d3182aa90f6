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
  if (reader.choice("l2_on", {"all", "weights"}, "all") == "weights") canonical["l2_on"] = "weights";
  reader.finish();
  return canonical;
}

SgdOptions sgd_options(const Json& experiment) {
  const Json& optimizer = experiment.at("optimizer");
  SgdOptions options;
  options.momentum = optimizer.value("momentum", 0.0);
  options.l2 = optimizer.value("l2", 0.0);
  options.nesterov = optimizer.value("nesterov", false);
  options.loss = loss_named(experiment.at("loss").get<std::string>());
  options.l2_on_weights = optimizer.contains("l2_on");
  options.bfloat16 = experiment.contains("precision");
  return options;
}

}  // namespace edgesweep
