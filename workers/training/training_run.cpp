#include "workers/training/training_run.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/training/parameter_file.hpp"

namespace edgesweep {
namespace {

/// step, samples and learning_rate come before the measurements' columns.
constexpr std::size_t own_columns = 3;

void require(bool holds, const std::string& reason) {
  if (!holds) throw InputError("checkpoint", reason);
}

}  // namespace

TrainingRun::TrainingRun(const Sweep& sweep, const Model& model, const TrainTest& data,
                         std::vector<ActiveMeasurement> measurements, const Trial& trial, TrialHooks& hooks)
    : sweep_(sweep),
      model_(model),
      data_(data),
      measurements_(std::move(measurements)),
      trial_(trial),
      hooks_(hooks),
      options_{sweep.experiment.at("optimizer").at("momentum"), sweep.experiment.at("optimizer").at("l2")},
      schedule_(make_schedule(sweep.experiment.at("schedule"), trial.cell.eta)),
      sampler_(make_sampler(sweep.experiment.at("sampler"), random_key(trial.key), data.train.count(),
                            trial.cell.batch)) {
  for (const Column& column : sweep.columns) {
    if (column.name == "train_loss") train_loss_column_ = width_;
    width_ += column.width;
  }
}

void TrainingRun::start() {
  theta_ = model_.initial_parameters(initial_parameters_key(sweep_.experiment, trial_.seed))
               .to(data_.train.inputs.device())
               .contiguous();
  velocity_ = at::zeros_like(theta_);
}

void TrainingRun::restore(const Bytes& bytes) {
  Checkpoint checkpoint = decode_checkpoint(bytes);
  require(checkpoint.trial_key == trial_.key, "it is of another trial, with key " + checkpoint.trial_key);
  require(checkpoint.step <= trial_.cell.steps, "it is beyond the trial's last step");
  require(checkpoint.records.size() <= trial_.record_steps.size(), "it has more records than the trial");
  const std::size_t due = checkpoint.records.size();
  require((due == 0 || trial_.record_steps[due - 1] <= checkpoint.step) &&
              (due == trial_.record_steps.size() || trial_.record_steps[due] >= checkpoint.step),
          "its records do not fit its step");
  for (const auto& record : checkpoint.records) {
    require(static_cast<std::int64_t>(record.size()) == width_, "its records have another number of columns");
  }
  for (const at::Tensor& tensor : {checkpoint.theta, checkpoint.velocity}) {
    require(tensor.scalar_type() == at::kFloat && tensor.dim() == 1 && tensor.size(0) == model_.parameter_count(),
            "its parameters are not those of the model");
  }
  require(checkpoint.measurements.size() == measurements_.size(), "it is of other measurements");
  for (const ActiveMeasurement& active : measurements_) {
    const auto state = checkpoint.measurements.find(active.name);
    require(state != checkpoint.measurements.end(), "it has no state of the measurement " + active.name);
    active.measurement->restore(state->second);
  }
  const at::Device device = data_.train.inputs.device();
  theta_ = checkpoint.theta.to(device);
  velocity_ = checkpoint.velocity.to(device);
  step_ = checkpoint.step;
  records_ = std::move(checkpoint.records);
  for (std::size_t i = 0; i < records_.size(); ++i) hooks_.record(static_cast<std::int64_t>(i), records_[i]);
}

TrialOutcome TrainingRun::go_on() {
  const auto stepper = model_.stepper(theta_, velocity_, data_.train, options_, trial_.cell.batch);
  while (true) {
    const bool due = records_.size() < trial_.record_steps.size() && trial_.record_steps[records_.size()] == step_;
    if (due && !take_record()) return end(TrialEnd::diverged);
    if (step_ == trial_.cell.steps) return end(TrialEnd::done);
    if (hooks_.stop_requested()) {
      hooks_.checkpoint(save(), step_);
      return {TrialEnd::interrupted, step_};
    }
    if (hooks_.checkpoint_due()) hooks_.checkpoint(save(), step_);
    const double loss = stepper->step(sampler_->batch(step_), schedule_(step_));
    ++step_;
    if (lost(loss)) return end(TrialEnd::diverged);
  }
}

bool TrainingRun::lost(double loss) const { return !std::isfinite(loss) || loss > sweep_.loss_above; }

/// False if the record shows that the trial has diverged.
bool TrainingRun::take_record() {
  std::vector<double> values(static_cast<std::size_t>(width_), std::numeric_limits<double>::quiet_NaN());
  values[0] = static_cast<double>(step_);
  values[1] = static_cast<double>(step_ * trial_.cell.batch);
  values[2] = schedule_(step_);
  const bool finite = at::isfinite(theta_).all().item<bool>();
  if (finite) measure(values);
  records_.push_back(std::move(values));
  const auto index = static_cast<std::int64_t>(records_.size()) - 1;
  if (sweep_.keep_parameters == KeepParameters::all) {
    hooks_.keep_parameters(parameter_file(model_.parameters(), theta_), index);
  }
  hooks_.record(index, records_.back());
  return finite &&
         (train_loss_column_ < 0 || !lost(records_.back()[static_cast<std::size_t>(train_loss_column_)]));
}

void TrainingRun::measure(std::vector<double>& values) {
  const MeasurementContext context{model_,   theta_,           data_,    values[2],
                                   trial_.cell.batch, options_, random_key(trial_.key)};
  std::size_t first = own_columns;
  for (const ActiveMeasurement& active : measurements_) {
    const auto width = static_cast<std::size_t>(active.width);
    active.measurement->measure(context, std::span(values).subspan(first, width));
    first += width;
    // The loss comes first: where it overflows, Gram matrices and Hessians would too.
    const auto loss = static_cast<std::size_t>(train_loss_column_);
    if (train_loss_column_ >= 0 && first > loss && !std::isfinite(values[loss])) return;
  }
}

Bytes TrainingRun::save() const {
  Checkpoint checkpoint{trial_.key, step_, records_, theta_, velocity_, {}};
  for (const ActiveMeasurement& active : measurements_) {
    checkpoint.measurements[active.name] = active.measurement->state();
  }
  return encode_checkpoint(checkpoint);
}

TrialOutcome TrainingRun::end(TrialEnd how) {
  if (sweep_.keep_parameters != KeepParameters::none) {
    hooks_.keep_parameters(parameter_file(model_.parameters(), theta_), std::nullopt);
  }
  return {how, step_};
}

}  // namespace edgesweep
