#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "workers/data/sampler.hpp"
#include "workers/training/checkpoint.hpp"
#include "workers/training/schedule.hpp"
#include "workers/training/training_runner.hpp"

namespace edgesweep {

/// One trial on its way: its state and how it moves on. See TrainingRunner for what it does.
class TrainingRun {
 public:
  /// All arguments must outlive the run.
  TrainingRun(const Sweep& sweep, const Model& model, const TrainTest& data,
              std::vector<ActiveMeasurement> measurements, const Trial& trial, TrialHooks& hooks);

  void start();
  /// Throws InputError if the checkpoint is of another trial, or not one that it could have written.
  void restore(const Bytes& bytes);
  TrialOutcome go_on();

 private:
  bool lost(double loss) const;
  bool take_record();
  void measure(std::vector<double>& values);
  Bytes save() const;
  TrialOutcome end(TrialEnd how);

  const Sweep& sweep_;
  const Model& model_;
  const TrainTest& data_;
  std::vector<ActiveMeasurement> measurements_;
  const Trial& trial_;
  TrialHooks& hooks_;

  SgdOptions options_;
  Schedule schedule_;
  std::unique_ptr<Sampler> sampler_;
  std::int64_t width_ = 0;              ///< values of a record
  std::int64_t train_loss_column_ = -1;  ///< its place in a record, −1 if not measured

  std::int64_t step_ = 0;
  std::vector<std::vector<double>> records_;
  at::Tensor theta_;
  at::Tensor velocity_;
};

}  // namespace edgesweep
