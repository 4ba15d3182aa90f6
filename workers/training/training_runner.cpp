#include "workers/training/training_runner.hpp"

#include <utility>

#include "engine/base/digest.hpp"
#include "workers/data/philox.hpp"
#include "workers/training/training_run.hpp"

namespace edgesweep {

TrainingRunner::TrainingRunner(Sweep sweep, std::unique_ptr<Model> model, TrainTest data,
                               MeasurementFactory measurements)
    : sweep_(std::move(sweep)),
      model_(std::move(model)),
      data_(std::move(data)),
      measurements_(std::move(measurements)) {}

TrialOutcome TrainingRunner::run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) {
  TrainingRun run(sweep_, *model_, data_, measurements_(), trial, hooks);
  if (checkpoint) {
    run.restore(*checkpoint);
  } else {
    run.start();
  }
  return run.go_on();
}

std::uint64_t initial_parameters_key(const Json& experiment, std::int64_t seed) {
  const Json origin = {{"model", experiment.at("model")}, {"dataset", experiment.at("dataset")}, {"seed", seed}};
  return random_key(sha256_hex(origin.dump()));
}

}  // namespace edgesweep
