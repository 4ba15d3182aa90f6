#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/spec/sweep.hpp"
#include "engine/spec/trial_runner.hpp"
#include "workers/data/dataset.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// A measurement of one trial and the number of values that it fills.
struct ActiveMeasurement {
  std::string name;
  std::int64_t width = 0;
  std::unique_ptr<Measurement> measurement;
};

/// New measurements for a trial, in the order of the sweep's columns.
using MeasurementFactory = std::function<std::vector<ActiveMeasurement>()>;

/// Trains trials of one sweep in this process, on the device that holds the data.
///
/// A record is taken before the step at which it is due, the last one after the last step. A trial has diverged when a
/// mini-batch loss or a record's train_loss is not finite or exceeds the sweep's `loss_above`; that record is kept, and
/// measurements that a non-finite θ or loss would defeat stay NaN. The final parameter file is of where the trial ended,
/// diverged or not. All cells of a seed start from the same network: θ depends on model, data set and seed alone.
class TrainingRunner final : public TrialRunner {
 public:
  TrainingRunner(Sweep sweep, std::unique_ptr<Model> model, TrainTest data, MeasurementFactory measurements);

  TrialOutcome run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) override;

 private:
  Sweep sweep_;
  std::unique_ptr<Model> model_;
  TrainTest data_;
  MeasurementFactory measurements_;
};

/// What draws θ at the start: a digest of the canonical model and data set, and the seed.
std::uint64_t initial_parameters_key(const Json& experiment, std::int64_t seed);

}  // namespace edgesweep
