#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/spec/sweep.hpp"
#include "workers/data/dataset.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"
#include "workers/training/dynamics.hpp"

namespace edgesweep {

/// A measurement of one trial and the number of values that it fills.
struct ActiveMeasurement {
  std::string name;
  std::int64_t width = 0;
  std::unique_ptr<Measurement> measurement;
};

/// New measurements for a trial, in the order of the sweep's columns.
using MeasurementFactory = std::function<std::vector<ActiveMeasurement>()>;

/// SGD of a network, or the gradient flow in its place, on the device that holds the data. All cells of a seed start from the same network: θ depends on
/// model, data set and seed alone. Measurements that a non-finite θ or loss would defeat stay NaN.
class NetworkTraining final : public DynamicsFactory {
 public:
  NetworkTraining(Sweep sweep, std::unique_ptr<Model> model, TrainTest data, MeasurementFactory measurements);

  std::unique_ptr<Dynamics> make(const Trial& trial) override;
  void pack_trials(std::int64_t places) override { model_->pack_trials(places, data_.train); }

 private:
  Sweep sweep_;
  std::unique_ptr<Model> model_;
  TrainTest data_;
  MeasurementFactory measurements_;
};

/// What draws θ at the start: a digest of the canonical model and data set, and the seed.
std::uint64_t initial_parameters_key(const Json& experiment, std::int64_t seed);

}  // namespace edgesweep
