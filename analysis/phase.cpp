#include "analysis/phase.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "analysis/noise_measure.hpp"
#include "analysis/trajectory.hpp"

namespace edgesweep {
namespace {

using Values = std::span<const double>;
using Reduction = double (*)(Values steps, Values values);

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double reduce_initial(Values, Values values) {
  return initial_value(values);
}
double reduce_final(Values, Values values) {
  return final_value(values);
}
double reduce_least(Values, Values values) {
  return least_value(values);
}
double reduce_greatest(Values, Values values) {
  return greatest_value(values);
}
double reduce_steps_above_one(Values steps, Values values) {
  return steps_above(steps, values, 1.0);
}

Quantity reduced(std::string name, std::string column, std::string units, std::string long_name,
                 Reduction reduction, bool times_eta = false) {
  auto of_trial = [column, reduction, times_eta](const TrialData& trial, double eta) {
    const double value = reduction(trial.columns.at("step"), trial.columns.at(column));
    return times_eta ? eta * value : value;
  };
  return {std::move(name), std::move(column), std::move(units), std::move(long_name), std::move(of_trial)};
}

std::vector<Quantity> all_quantities() {
  std::vector<Quantity> all{
      reduced("train_loss_final", "train_loss", "1", "train loss at the last record", reduce_final),
      reduced("train_loss_min", "train_loss", "1", "least train loss of all records", reduce_least),
      reduced("expected_loss_final", "expected_loss", "1", "exact expected train loss at the last record",
              reduce_final),
      reduced("test_error_final", "test_error", "1", "test error at the last record", reduce_final)};
  for (const NoiseMeasure& noise : noise_measures()) {
    const auto& [K, label, title] = noise;
    all.push_back(reduced(K + "_initial", K, "1", title + " before the first step", reduce_initial));
    all.push_back(reduced(K + "_max", K, "1", title + ", greatest of all records", reduce_greatest));
    all.push_back(reduced(K + "_median_second_half", K, "1", "median over the records in the second half of the steps of the " + title,
                          second_half_median));
    all.push_back(reduced(K + "_final", K, "1", title + " at the last record", reduce_final));
    all.push_back(reduced("steps_" + K + "_above_1", K, "1", "number of steps spent with " + K + " > 1", reduce_steps_above_one));
  }
  for (const auto& [column, title] :
       {std::pair{"K_full", "noise kernel norm without the restriction to the diagonal"},
        std::pair{"K_block", "lower bound of K from per-example kernel blocks"},
        std::pair{"K_hd", "high-dimensional approximation of K"}}) {
    const std::string name = column;
    all.push_back(reduced(name + "_initial", name, "1", std::string(title) + ", before the first step",
                          reduce_initial));
    all.push_back(
        reduced(name + "_max", name, "1", std::string(title) + ", greatest of all records", reduce_greatest));
  }
  all.push_back(reduced("T_lambda_max_initial", "T_lambda_max", "1",
                        "spectral radius of the second-moment operator T, before the first step",
                        reduce_initial));
  all.push_back(reduced("A_plus_N_lambda_max_initial", "A_plus_N_lambda_max", "1",
                        "spectral radius of A + N, before the first step", reduce_initial));
  for (const std::string matrix : {"ntk", "hessian"}) {
    const std::string column = matrix + "_lambda_max";
    const std::string product =
        "learning rate times the largest eigenvalue of the " +
        (matrix == "ntk" ? std::string("NTK") : std::string("Hessian of the train loss"));
    all.push_back(reduced("eta_" + column + "_initial", column, "1", product + ", before the first step",
                          reduce_initial, true));
    all.push_back(reduced("eta_" + column + "_max", column, "1", product + ", greatest of all records",
                          reduce_greatest, true));
    all.push_back(reduced("eta_" + column + "_final", column, "1", product + ", at the last record",
                          reduce_final, true));
  }
  return all;
}

void count(CellSummary& cell, TrialStatus status) {
  switch (status) {
    case TrialStatus::done:
      ++cell.done;
      break;
    case TrialStatus::diverged:
      ++cell.diverged;
      break;
    case TrialStatus::failed:
      ++cell.failed;
      break;
    case TrialStatus::pending:
    case TrialStatus::running:
      ++cell.pending;
      break;
    case TrialStatus::absent:
      break;
  }
}

}  // namespace

std::vector<Quantity> phase_quantities(const SweepData& data) {
  std::vector<Quantity> measured;
  for (Quantity& quantity : all_quantities()) {
    if (data.has(quantity.column)) measured.push_back(std::move(quantity));
  }
  return measured;
}

Estimate estimate(const std::vector<double>& values) {
  std::vector<double> known;
  std::copy_if(values.begin(), values.end(), std::back_inserter(known),
               [](double value) { return !std::isnan(value); });
  if (known.empty()) return {kNan, kNan};
  const auto n = static_cast<double>(known.size());
  const double mean = std::accumulate(known.begin(), known.end(), 0.0) / n;
  if (known.size() < 2 || std::isinf(mean)) return {mean, kNan};
  double squares = 0;
  for (const double value : known) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (n - 1) / n)};
}

bool PhaseSummary::has(const std::string& quantity) const {
  return std::any_of(quantities.begin(), quantities.end(),
                     [&](const Quantity& mine) { return mine.name == quantity; });
}

double PhaseSummary::mean(const CellSummary& cell, const std::string& quantity) const {
  for (std::size_t at = 0; at < quantities.size(); ++at) {
    if (quantities[at].name == quantity) return cell.estimates[at].mean;
  }
  return kNan;
}

PhaseSummary summarise_phase(const SweepData& data) {
  PhaseSummary phase{phase_quantities(data), {}};
  for (const CellData& cell : data.cells) {
    CellSummary summary{cell.batch, cell.point, cell.eta};
    for (const TrialData& trial : cell.trials) count(summary, trial.status);
    for (const Quantity& quantity : phase.quantities) {
      std::vector<double> values;
      for (const TrialData& trial : cell.trials) {
        if (trial.ended()) values.push_back(quantity.of_trial(trial, cell.eta));
      }
      summary.estimates.push_back(estimate(values));
    }
    phase.cells.push_back(std::move(summary));
  }
  return phase;
}

Table phase_table(const SweepData& data, const PhaseSummary& phase) {
  std::vector<std::int64_t> points(static_cast<std::size_t>(data.points));
  std::iota(points.begin(), points.end(), 0);
  Table table{
      "phase",
      {{"batch", data.batches, "batch size B"}, {"point", points, "index along the learning-rate axis"}},
      {{"eta", "1", "learning rate", 2},
       {"eta_over_batch", "1", "learning rate over batch size", 2},
       {"trials_done", "1", "number of trials that are done", 2},
       {"trials_diverged", "1", "number of trials that diverged", 2},
       {"trials_failed", "1", "number of trials that failed", 2},
       {"trials_pending", "1", "number of trials that are pending or running", 2},
       {"diverged", "1", "1 if at least half of the seeds that have ended diverged", 2}},
      {}};
  for (const Quantity& quantity : phase.quantities) {
    table.columns.push_back(
        {quantity.name + "_mean", quantity.units, quantity.long_name + ", mean over seeds", 2});
    table.columns.push_back(
        {quantity.name + "_sem", quantity.units, quantity.long_name + ", standard error over seeds", 2});
  }
  for (const CellSummary& cell : phase.cells) {
    std::vector<TableValue> row{
        cell.batch,    cell.point,  cell.eta,     cell.eta / static_cast<double>(cell.batch),   cell.done,
        cell.diverged, cell.failed, cell.pending, static_cast<std::int64_t>(cell.is_diverged())};
    for (const Estimate& value : cell.estimates) {
      row.emplace_back(value.mean);
      row.emplace_back(value.sem);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace edgesweep
