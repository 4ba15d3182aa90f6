#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/base/json.hpp"
#include "workers/data/dataset.hpp"

namespace edgesweep {

struct StreamReader;

/// Where the batch of a step comes from: a pure function of the settings and the step.
class TrainingBatches {
 public:
  virtual ~TrainingBatches() = default;
  /// The training set of a stepper, which batch() may fill anew, in place.
  virtual const Examples& examples() const = 0;
  /// Rows of examples() that are the batch of `step` ≥ 0, any step at any time; valid until the next call.
  virtual std::span<const std::int64_t> batch(std::int64_t step) = 0;
};

struct BatchSettings {
  std::string sampler;  ///< of sampler_names()
  std::uint64_t key = 0;  ///< of the trial's order of the data
  std::int64_t batch_size = 1;
  double label_smoothing = 0;  ///< of streamed targets; those in memory are smoothed already
};

/// Of a canonical data set: rows of the training set as they are, moved at random (`augment`), or decoded for the occasion.
/// `data` must outlive the result; `reader` is of a streamed set.
std::unique_ptr<TrainingBatches> make_training_batches(const Json& dataset, const TrainTest& data, const BatchSettings& settings,
                                                       const StreamReader& reader);

}  // namespace edgesweep
