#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"
#include "workers/training/dynamics.hpp"
#include "workers/workers.hpp"

namespace edgesweep {

/// A kind of experiment, picked by `experiment.name` of a sweep file and added by one file: what its part of the sweep
/// file looks like, which columns it fills, and what evolves in a trial.
class ExperimentFamily {
 public:
  virtual ~ExperimentFamily() = default;
  /// Canonical form of `experiment` but for its `name`, which the caller reads and writes. Throws InputError.
  virtual Json canonical(ObjectReader& reader) const = 0;
  virtual std::int64_t train_examples(const Json& experiment) const = 0;
  /// As Catalog::full_batch_reason.
  virtual std::string full_batch_reason(const Json&) const { return {}; }
  /// Canonical form of `measure`. Throws InputError.
  virtual Json measure(ObjectReader reader, const Json& experiment) const = 0;
  virtual std::vector<Column> columns(const Json& experiment, const Json& measure) const = 0;  ///< in store order
  virtual PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t batch) const = 0;
  /// Whether there are parameters to keep.
  virtual bool has_parameters() const { return false; }
  /// As check_data of workers.hpp.
  virtual std::string check_data(const Json& experiment, const DataSource& source) const = 0;
  /// Whether the ranks of a team can share the work of a trial.
  virtual bool shares_work() const { return false; }
  /// Loads the data, once a process. `team` has one member unless shares_work(). Throws InputError.
  virtual std::unique_ptr<DynamicsFactory> prepare(const Sweep& sweep, const DataSource& source, at::Device device,
                                                   Team& team) const = 0;
};

/// What an experiment without a name is.
inline constexpr const char* default_experiment = "network";

/// Throws InputError that lists the known names.
const ExperimentFamily& experiment_family(const std::string& name);
/// The family of a canonical experiment.
const ExperimentFamily& experiment_family(const Json& experiment);
std::vector<std::string> experiment_names();

/// A file registers its family with `static const RegisterExperiment registered{"linear", std::make_unique<Linear>()};`
struct RegisterExperiment {
  RegisterExperiment(std::string name, std::unique_ptr<ExperimentFamily> family);
};

}  // namespace edgesweep
