#pragma once

#include <cstdint>
#include <functional>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// Learning rate of step 0, 1, …; `lambda_max` is the last hessian_lambda_max that was recorded, NaN before there is one.
using Schedule = std::function<double(std::int64_t step, double lambda_max)>;

/// How long a trial is.
struct TrialLength {
  std::int64_t steps;
  std::int64_t steps_per_epoch;
};

/// Canonical form of `experiment.schedule`, constant by default. Throws InputError.
///   constant               η
///   step                   η · factor^(number of the steps in `at` that have been reached)
///   cosine                 η/2 (1 + cos(π t / T)), T the trial's steps (Loshchilov & Hutter 2017, without restarts)
///   warmup_cosine          η (t + 1) / W for the first W = `warmup_steps` or `warmup_epochs` steps, then a cosine over the rest
///   inverse_lambda_max     min(η, c / λ) with the last recorded hessian_lambda_max λ; η before there is one and for λ ≤ 0
Json canonical_schedule(ObjectReader reader);

/// Whether the schedule reads lambda_max.
bool follows_lambda_max(const Json& canonical);

/// `eta` is the cell's learning rate.
Schedule make_schedule(const Json& canonical, double eta, const TrialLength& length);

}  // namespace edgesweep
