#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/data/sampler.hpp"
#include "workers/measurements/measurement.hpp"

// Expectations over mini-batches by Monte Carlo: which batches are drawn, and when there are enough.
namespace edgesweep {

/// Draws go on until the standard error is below `tolerance` times the mean's size, within these numbers of draws.
struct StopRule {
  std::int64_t min_draws = 20;
  std::int64_t max_draws = 1000;
  double tolerance = 0.01;
};

/// Reads `draws` (the most), `min_draws` and `tolerance` and writes them to `canonical`. Throws InputError.
void read_stop_rule(ObjectReader& reader, Json& canonical, const StopRule& defaults);
StopRule stop_rule_of(const Json& canonical);

/// Mean and standard error of what has been seen (Welford 1962, "Note on a method for calculating corrected sums of squares").
class RunningMean {
 public:
  void add(double value);
  std::int64_t count() const { return count_; }
  double mean() const { return mean_; }            ///< NaN of nothing
  double standard_error() const;                   ///< NaN of fewer than two values
  bool is_enough(const StopRule& rule) const;

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // Σ (value − mean)²
};

/// Mini-batches for one record: B distinct training examples each, a pure function of the trial, the step and the number of
/// the draw. Other batches than those that are trained on.
class BatchDraws {
 public:
  explicit BatchDraws(const MeasurementContext& context);

  /// Draws `first`, …, `first` + `count` − 1 one after the other: count·B rows of the training set, on its device.
  Examples take(std::int64_t first, std::int64_t count);
  /// B = D: every draw is the whole training set.
  bool is_full() const { return batch_ == train_.count(); }

 private:
  const Examples& train_;
  std::int64_t batch_;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace edgesweep
