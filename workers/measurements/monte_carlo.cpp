#include "workers/measurements/monte_carlo.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

std::uint64_t draws_key(const MeasurementContext& context) {
  return RandomStream(context.random_key, RandomUse::measured_batches, static_cast<std::uint64_t>(context.step)).next_u64();
}

}  // namespace

void read_stop_rule(ObjectReader& reader, Json& canonical, const StopRule& defaults) {
  canonical["draws"] = reader.integer("draws", 2, 1'000'000, defaults.max_draws);
  canonical["min_draws"] = reader.integer("min_draws", 2, canonical["draws"],
                                          std::min(defaults.min_draws, canonical["draws"].get<std::int64_t>()));
  canonical["tolerance"] = reader.number("tolerance", Range{0, 1, false, true}, defaults.tolerance);
}

StopRule stop_rule_of(const Json& canonical) {
  return {canonical.at("min_draws"), canonical.at("draws"), canonical.at("tolerance")};
}

void RunningMean::add(double value) {
  ++count_;
  const double before = value - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (value - mean_);
}

double RunningMean::standard_error() const {
  if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(count_);
  return std::sqrt(squares_ / (n - 1) / n);
}

bool RunningMean::is_enough(const StopRule& rule) const {
  if (count_ >= rule.max_draws || !std::isfinite(mean_)) return true;
  return count_ >= rule.min_draws && standard_error() <= rule.tolerance * std::abs(mean_);
}

BatchDraws::BatchDraws(const MeasurementContext& context) : train_(context.data.train), batch_(context.batch) {
  if (batch_ > train_.count()) {
    throw InputError("experiment.dataset.measured", "is " + std::to_string(train_.count()) + "; measurements on batches of B = " +
                                                        std::to_string(batch_) + " need at least as many examples");
  }
  sampler_ = make_sampler("iid", draws_key(context), train_.count(), batch_);
}

Examples BatchDraws::take(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> rows;
  for (std::int64_t draw = first; draw < first + count; ++draw) {
    const auto batch = sampler_->batch(draw);
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  const at::Tensor index = at::tensor(rows, at::kLong).to(train_.inputs.device());
  return {train_.inputs.index_select(0, index), train_.targets.index_select(0, index), {}};
}

}  // namespace edgesweep
