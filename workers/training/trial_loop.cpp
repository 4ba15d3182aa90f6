#include "workers/training/trial_loop.hpp"

#include <c10/util/Exception.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/training/checkpoint.hpp"

namespace edgesweep {
namespace {

/// step, samples and learning_rate come before the measurements' columns.
constexpr std::size_t own_columns = 3;

/// What a member of a team may be asked to do.
constexpr std::uint32_t stop_bit = 1;
constexpr std::uint32_t save_bit = 2;

void require(bool holds, const std::string& reason) {
  if (!holds) throw InputError("checkpoint", reason);
}

/// Throws unless the trial can go on from the checkpoint.
void check(const Checkpoint& checkpoint, const Trial& trial, std::int64_t width) {
  require(checkpoint.trial_key == trial.key, "it is of another trial, with key " + checkpoint.trial_key);
  require(checkpoint.step <= trial.cell.steps, "it is beyond the trial's last step");
  require(checkpoint.records.size() <= trial.record_steps.size(), "it has more records than the trial");
  const std::size_t due = checkpoint.records.size();
  require((due == 0 || trial.record_steps[due - 1] <= checkpoint.step) &&
              (due == trial.record_steps.size() || trial.record_steps[due] >= checkpoint.step),
          "its records do not fit its step");
  for (const auto& record : checkpoint.records) {
    require(static_cast<std::int64_t>(record.size()) == width, "its records have another number of columns");
  }
}

/// LibTorch's allocators say how much they were asked for, in words of their own.
[[noreturn]] void rethrow(const c10::Error& error) {
  const std::string what = one_line(error.what_without_backtrace());
  for (const char* words : {"out of memory", "can't allocate memory"}) {
    if (what.find(words) != std::string::npos) {
      throw std::runtime_error("out of memory (a smaller \"chunk\" of the experiment needs less): " + what);
    }
  }
  throw;
}

}  // namespace

TrialLoop::TrialLoop(Sweep sweep, std::unique_ptr<DynamicsFactory> factory, Team& team)
    : sweep_(std::move(sweep)), factory_(std::move(factory)), team_(team) {
  for (const Column& column : sweep_.columns) {
    if (column.name == "train_loss") train_loss_column_ = width_;
    width_ += column.width;
  }
}

TrialOutcome TrialLoop::run(const Trial& trial, const std::optional<Bytes>& checkpoint, TrialHooks& hooks) {
  try {
    return run_to_end(trial, checkpoint, hooks);
  } catch (const c10::Error& error) {
    rethrow(error);
  }
}

TrialOutcome TrialLoop::run_to_end(const Trial& trial, const std::optional<Bytes>& bytes, TrialHooks& hooks) {
  const std::unique_ptr<Dynamics> dynamics = factory_->make(trial);
  std::int64_t step = 0;
  std::vector<std::vector<double>> records;

  const auto lost = [&](double loss) { return !std::isfinite(loss) || loss > sweep_.loss_above; };
  const bool first = team_.rank() == 0;
  const auto save = [&] {
    if (first) hooks.checkpoint(encode_checkpoint({trial.key, step, records, dynamics->state()}), step);
  };
  const auto end = [&](TrialEnd how) -> TrialOutcome {
    if (first && sweep_.keep_parameters != KeepParameters::none) {
      if (const auto file = dynamics->parameter_file()) hooks.keep_parameters(*file, std::nullopt);
    }
    return {how, step};
  };
  // How the trial ends at the record, if it does.
  const auto take_record = [&]() -> std::optional<TrialEnd> {
    std::vector<double> values(static_cast<std::size_t>(width_), std::numeric_limits<double>::quiet_NaN());
    values[0] = static_cast<double>(step);
    values[1] = static_cast<double>(dynamics->samples(step).value_or(step * trial.cell.batch));
    const bool finite = dynamics->measure(step, std::span(values).subspan(own_columns));
    values[2] = dynamics->learning_rate(step);  // after measuring: it may follow what was measured
    records.push_back(std::move(values));
    const auto index = static_cast<std::int64_t>(records.size()) - 1;
    if (first && sweep_.keep_parameters == KeepParameters::all) {
      if (const auto file = dynamics->parameter_file()) hooks.keep_parameters(*file, index);
    }
    hooks.record(index, records.back());
    if (!finite) return TrialEnd::diverged;
    if (train_loss_column_ < 0) return std::nullopt;
    const double loss = records.back()[static_cast<std::size_t>(train_loss_column_)];
    if (lost(loss)) return TrialEnd::diverged;
    if (sweep_.stop_loss_below && loss < *sweep_.stop_loss_below) return TrialEnd::done;
    return std::nullopt;
  };

  if (bytes) {
    Checkpoint checkpoint = decode_checkpoint(*bytes);
    check(checkpoint, trial, width_);
    dynamics->restore(checkpoint.state);
    step = checkpoint.step;
    records = std::move(checkpoint.records);
    for (std::size_t i = 0; i < records.size(); ++i) hooks.record(static_cast<std::int64_t>(i), records[i]);
  } else {
    dynamics->start();
  }
  while (true) {
    const bool due = records.size() < trial.record_steps.size() && trial.record_steps[records.size()] == step;
    if (due) {
      if (const auto how = take_record()) return end(*how);
    }
    if (step == trial.cell.steps) return end(TrialEnd::done);
    const std::uint32_t asked =
        team_.unite((hooks.stop_requested() ? stop_bit : 0) | (hooks.checkpoint_due() ? save_bit : 0));
    if (asked != 0) save();
    if ((asked & stop_bit) != 0) return {TrialEnd::interrupted, step};
    const double loss = dynamics->advance(step);
    ++step;
    if (lost(loss)) return end(TrialEnd::diverged);
  }
}

}  // namespace edgesweep
