#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// One column of a record. `width` > 1 makes it a vector with a dimension of its own in the store.
struct Column {
  std::string name;
  std::string units;           ///< UDUNITS text, "1" if dimensionless
  std::string long_name;       ///< one line for people
  std::int64_t width = 1;      ///< values per record
  std::string dimension = {};  ///< name of the vector's dimension; empty if width is 1

  bool operator==(const Column&) const = default;
};

/// Rough price of a trial in seconds on one worker, from sizes alone. Only ratios matter: the schedule learns the rest.
struct PredictedCost {
  double seconds_per_step = 0;
  double seconds_per_record = 0;
};

/// What can be trained and measured, as far as the engine has to know it. The workers implement it, so that the
/// engine validates sweep files without knowing any model, data set or measurement.
class Catalog {
 public:
  virtual ~Catalog() = default;

  /// Canonical form of the sweep file's `experiment`: every default written out, nothing unknown left.
  /// Throws InputError with the JSON path.
  virtual Json experiment(ObjectReader reader) const = 0;

  /// Number D of training examples of a canonical experiment.
  virtual std::int64_t train_examples(const Json& experiment) const = 0;

  /// Why each batch must be all training examples, B = D, as the end of a message; empty where any B is allowed.
  virtual std::string full_batch_reason(const Json&) const { return {}; }

  /// Canonical form of the sweep file's `measure` object. Throws InputError with the JSON path.
  virtual Json measure(ObjectReader reader, const Json& experiment) const = 0;

  /// The columns that a canonical `measure` fills, in store order. Names are unique.
  virtual std::vector<Column> columns(const Json& experiment, const Json& measure) const = 0;

  virtual PredictedCost predicted_cost(const Json& experiment, const Json& measure, std::int64_t batch) const = 0;

  /// Whether the ranks of a team can share the work of a trial.
  virtual bool shares_work(const Json& experiment) const = 0;

  /// Whether a trial has parameters that could be kept.
  virtual bool has_parameters(const Json& experiment) const = 0;
};

}  // namespace edgesweep
