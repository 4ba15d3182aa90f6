#include "engine/schedule/cost_model.hpp"

namespace edgesweep {

CostModel::CostModel(const Sweep& sweep, const Catalog& catalog) {
  for (const std::int64_t batch : sweep.batches) {
    batches_[batch].predicted = catalog.predicted_cost(sweep.experiment, sweep.measure, batch);
  }
}

double CostModel::raw_seconds(const Experience& of, std::int64_t steps, std::int64_t records) const {
  return of.predicted.seconds_per_step * static_cast<double>(steps) +
         of.predicted.seconds_per_record * static_cast<double>(records);
}

double CostModel::seconds(std::int64_t batch, std::int64_t steps, std::int64_t records) const {
  const Experience& of = batches_.at(batch);
  double factor = 1;
  if (of.predicted_seconds > 0) {
    factor = of.measured_seconds / of.predicted_seconds;
  } else if (predicted_seconds_ > 0) {
    factor = measured_seconds_ / predicted_seconds_;
  }
  return factor * raw_seconds(of, steps, records);
}

void CostModel::observe(std::int64_t batch, std::int64_t steps, std::int64_t records, double measured_seconds) {
  Experience& of = batches_.at(batch);
  const double predicted = raw_seconds(of, steps, records);
  of.predicted_seconds += predicted;
  of.measured_seconds += measured_seconds;
  predicted_seconds_ += predicted;
  measured_seconds_ += measured_seconds;
}

}  // namespace edgesweep
