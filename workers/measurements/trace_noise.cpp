#include "workers/measurements/trace_noise.hpp"

#include "workers/linalg/kernel_norm.hpp"

namespace edgesweep {

double trace_noise_factor(const MeasurementContext& context) {
  return batch_noise_factor(context.data.examples(), context.batch) * context.eta / (2 * (1 - context.optimizer.momentum));
}

double trace_noise(const MeasurementContext& context, double trace) {
  const double by_outputs = is_squared(context.optimizer.loss) ? static_cast<double>(context.model.outputs()) : 1;
  return trace_noise_factor(context) * trace / by_outputs;
}

Column trace_noise_column(const Json& experiment) {
  return is_squared(loss_named(experiment.at("loss").get<std::string>()))
             ? Column{"K_tr", "1", "K for delocalised eigenvectors and small learning rate, from the trace"}
             : Column{"K_gn", "1", "K for small learning rate, from the trace of the Gauss-Newton matrix"};
}

}  // namespace edgesweep
