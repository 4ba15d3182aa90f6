#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "workers/data/dataset.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// What a measurement sees of the trial at a record.
struct MeasurementContext {
  const Model& model;
  const at::Tensor& theta;  ///< [P], float32, on the trial's device; not to be changed
  const TrainTest& data;    ///< float32, on the same device
  std::int64_t step;        ///< steps taken
  double eta;               ///< learning rate of the next step
  std::int64_t batch;       ///< B
  SgdOptions optimizer;  ///< its loss is the one that is trained
  std::uint64_t random_key;  ///< of the trial
};

/// State that a measurement carries from record to record (warm starts); saved in checkpoints. CPU or device tensors.
using MeasurementState = std::map<std::string, at::Tensor>;

/// One measurement of one trial.
class Measurement {
 public:
  virtual ~Measurement() = default;
  /// Fills `out`: the sum of widths of the family's columns, in their order. Must be a pure function of the context
  /// and the state.
  virtual void measure(const MeasurementContext& context, std::span<double> out) = 0;
  virtual MeasurementState state() const { return {}; }
  virtual void restore(const MeasurementState&) {}
};

/// A family of measurements, added by one file: see loss.cpp.
class MeasurementFamily {
 public:
  virtual ~MeasurementFamily() = default;
  /// Canonical form of `measure.<name>`. Throws InputError.
  virtual Json canonical(ObjectReader reader, const Json& experiment) const = 0;
  virtual std::vector<Column> columns(const Json& canonical, const Json& experiment) const = 0;
  virtual std::unique_ptr<Measurement> make(const Json& canonical) const = 0;
  /// Rough seconds of one record on a CPU core, for D examples, C outputs and `forward_flops` an example.
  virtual double predicted_seconds(const Json& canonical, std::int64_t examples, std::int64_t outputs,
                                   double forward_flops) const = 0;
};

const MeasurementFamily& measurement_family(const std::string& name);
std::vector<std::string> measurement_names();  ///< in store order: loss first, then by name

struct RegisterMeasurement {
  RegisterMeasurement(std::string name, std::unique_ptr<MeasurementFamily> family);
};

}  // namespace edgesweep
