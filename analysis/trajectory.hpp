#pragma once

#include <span>

namespace edgesweep {

/// Numbers that sum up one column along one trial. `steps` are the steps of the records, increasing; `values`
/// as many. A value NaN was not measured and is passed over; +inf is a value like any other (K beyond the
/// deterministic edge). Each is NaN if no value was measured.

/// At record 0, before the first step.
double initial_value(std::span<const double> values);

/// The last one measured.
double final_value(std::span<const double> values);

double least_value(std::span<const double> values);
double greatest_value(std::span<const double> values);

/// Median over the records in the second half of the steps: those with step ≥ half of the last record's step.
/// The mean of the middle two where their number is even.
double second_half_median(std::span<const double> steps, std::span<const double> values);

/// Number of steps spent above `threshold`, the value taken as constant from one record to the next measured
/// one: Σ_i (step_{i+1} − step_i) over the records i with value_i > threshold.
double steps_above(std::span<const double> steps, std::span<const double> values, double threshold);

}  // namespace edgesweep
