#pragma once

#include <cstdint>
#include <map>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

/// Seconds that trials take on one worker: the catalog's prediction times a factor per batch size, learnt from the
/// trials that have finished. A batch size without finished trials uses the factor of all of them together, 1 at first.
class CostModel {
 public:
  CostModel(const Sweep& sweep, const Catalog& catalog);

  /// Expected seconds of `steps` steps and `records` records at a batch size of the sweep.
  double seconds(std::int64_t batch, std::int64_t steps, std::int64_t records) const;

  /// A trial took `measured_seconds` for that much work, from its first step on.
  void observe(std::int64_t batch, std::int64_t steps, std::int64_t records, double measured_seconds);

  bool has_measurements() const { return predicted_seconds_ > 0; }

 private:
  struct Experience {
    PredictedCost predicted;
    double predicted_seconds = 0;  ///< of the work that was measured
    double measured_seconds = 0;
  };
  double raw_seconds(const Experience& of, std::int64_t steps, std::int64_t records) const;

  std::map<std::int64_t, Experience> batches_;
  double predicted_seconds_ = 0;
  double measured_seconds_ = 0;
};

}  // namespace edgesweep
