#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analysis/sweep_data.hpp"
#include "analysis/table.hpp"

namespace edgesweep {

/// A number that sums up one trial.
struct Quantity {
  std::string name;
  std::string column;  ///< the record column it is made from
  std::string units;
  std::string long_name;
  std::function<double(const TrialData& trial, double eta)> of_trial;
};

/// The quantities of the phase table whose column the sweep measured, in table order.
std::vector<Quantity> phase_quantities(const SweepData& data);

/// Over the seeds that have a value: mean (NaN if none has one), and standard error s/√n with the unbiased s
/// (NaN for fewer than two). An infinite value makes the mean infinite and the error NaN.
struct Estimate {
  double mean;
  double sem;
};
Estimate estimate(const std::vector<double>& values);

/// A cell summed up over its trials.
struct CellSummary {
  std::int64_t batch = 0;
  std::int64_t point = 0;
  double eta = 0;
  std::int64_t done = 0;
  std::int64_t diverged = 0;
  std::int64_t failed = 0;
  std::int64_t pending = 0;  ///< pending or running
  std::vector<Estimate> estimates = {};

  std::int64_t trials() const { return done + diverged + failed + pending; }
  std::int64_t ended() const { return done + diverged; }
  /// At least half of its seeds that have ended diverged.
  bool is_diverged() const { return diverged > 0 && 2 * diverged >= ended(); }
  /// Some seeds have ended and it did not diverge.
  bool is_converged() const { return ended() > 0 && !is_diverged(); }
};

/// Every cell of a sweep, summed up over the seeds that are done or diverged.
struct PhaseSummary {
  std::vector<Quantity> quantities;
  std::vector<CellSummary> cells;  ///< by batch, then point

  bool has(const std::string& quantity) const;
  /// The mean of a quantity in a cell; NaN where there is none.
  double mean(const CellSummary& cell, const std::string& quantity) const;
};
PhaseSummary summarise_phase(const SweepData& data);

/// One row a cell: batch, point, eta, eta_over_batch, counts, and x_mean, x_sem of every quantity
/// (docs/tables-and-plots.md).
Table phase_table(const SweepData& data, const PhaseSummary& phase);

}  // namespace edgesweep
