#include "tests/analysis/synthetic_theory.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/analysis/synthetic_sweep.hpp"

namespace edgesweep {
namespace {

using Columns = std::map<std::string, std::vector<double>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// About 45 steps from 0 to 300, the first ones all.
std::vector<double> recorded_steps(double last) {
  std::vector<double> steps{0};
  for (int record = 1; steps.back() < last; ++record) {
    steps.push_back(std::min(last, std::max(steps.back() + 1, std::round(std::pow(1.14, record)))));
  }
  return steps;
}

void declare_columns(SweepData& data) {
  for (const auto& [name, values] : data.cells.front().trials.front().columns) {
    data.columns.push_back({name, "1", name});
  }
}

TrialData linear_trial(double batch, double eta, std::int64_t seed) {
  const double kappa = (kSyntheticExamples - batch) / (batch * (kSyntheticExamples - 1));
  const double full = 50 * eta * kappa;
  const double radius = 1 + 2 * eta * (full - 1);
  const bool edge = 4 * eta >= 2;
  Columns columns;
  bool diverged = false;
  for (const double step : recorded_steps(300)) {
    const double expected = 0.5 * std::pow(radius, step);
    const double sign = (columns["step"].size() + static_cast<std::size_t>(seed)) % 2 == 0 ? 1 : -1;
    columns["step"].push_back(step);
    columns["samples"].push_back(step * batch);
    columns["learning_rate"].push_back(eta);
    columns["expected_loss"].push_back(expected);
    columns["train_loss"].push_back(step == 0 ? 0.5 : expected * (1 + 0.05 * sign));
    columns["train_loss_sem"].push_back(step == 0 ? 0 : 0.1 * expected);
    for (const auto& [name, factor] :
         {std::pair{"K_full", 1.0}, {"K", 0.9}, {"K_hd", 0.7}, {"K_block", 0.6}, {"K_tr", 0.5}}) {
      columns[name].push_back(edge ? kInfinity : factor * full);
      if (std::string(name) == "K_block") continue;
      columns[std::string("eta_star_") + name].push_back(kappa > 0 ? 1 / (50 * kappa * factor)
                                                                   : std::nan(""));
    }
    columns["T_lambda_max"].push_back(radius);
    columns["A_plus_N_lambda_max"].push_back(1 + 2 * eta * (0.9 * full - 1));
    columns["eta_star_T"].push_back(columns["eta_star_K_full"].back());
    columns["eta_star_A_plus_N"].push_back(columns["eta_star_K"].back());
    columns["ntk_lambda_max"].push_back(4);
    columns["ntk_trace"].push_back(50);
    diverged = columns["train_loss"].back() > 1000;
    if (diverged) break;
  }
  TrialData trial = make_trial_data(diverged ? TrialStatus::diverged : TrialStatus::done, std::move(columns));
  trial.seed = seed;
  return trial;
}

TrialData quadratic_trial(double batch, double eta, std::int64_t seed) {
  Columns columns;
  for (const double step : recorded_steps(200)) {
    columns["step"].push_back(step);
    columns["samples"].push_back(step * batch);
    columns["learning_rate"].push_back(eta);
    columns["train_loss"].push_back(0.5 * std::exp(-eta * step));
    columns["train_loss_sem"].push_back(0.01);
    columns["K"].push_back(20 * eta * (1 / batch - 1 / kSyntheticExamples));
    columns["ntk_lambda_max"].push_back(2);
    for (int mode = 0; mode < 3; ++mode) {
      const std::string at = "_" + std::to_string(mode);
      const double sigma = 8 - mode;
      const double eigenvalue = sigma * sigma / kSyntheticExamples;
      const double saturation = 1 - std::exp(-step * eta * (0.2 + 1 / batch));
      columns["ntk_eigenvalues" + at].push_back(eigenvalue * (1 + (0.2 - 0.15 / batch) * saturation));
      columns["ntk_eigenvalues_sem" + at].push_back(0.01 * eigenvalue * saturation);
      columns["sigma_hat" + at].push_back(sigma);
      const double sign = seed == 0 ? 1 : -1;
      const double first = 40 * eta * eta / batch;
      const double second = eta * eta * sigma * (1 - eta * sigma * sigma / batch);
      const double first_error = 0.05 * 40 * eta * eta / 2;
      const double second_error = 0.05 * eta * eta * 8;
      columns["lambda_hat_d1" + at].push_back(step < 1 ? std::nan("") : first + sign * first_error);
      columns["lambda_hat_d1_sem" + at].push_back(first_error);
      columns["lambda_hat_d1_theory" + at].push_back(first);
      columns["sigma_hat_d2" + at].push_back(step < 2 ? std::nan("") : second + sign * second_error);
      columns["sigma_hat_d2_sem" + at].push_back(second_error);
      columns["sigma_hat_d2_theory" + at].push_back(second);
      columns["sigma_hat_d2_exact" + at].push_back(0.9 * second);
    }
  }
  TrialData trial = make_trial_data(TrialStatus::done, std::move(columns));
  trial.seed = seed;
  return trial;
}

}  // namespace

SweepData synthetic_linear() {
  SweepData data;
  data.name = "linear-synthetic";
  data.title = "Linear model by formula, D = 60";
  data.batches = {1, 3, 10, 30, 60};
  data.seeds = {0, 1};
  data.points = 12;
  data.max_records = 60;
  for (const std::int64_t batch : data.batches) {
    for (std::int64_t point = 0; point < data.points; ++point) {
      const auto size = static_cast<double>(batch);
      const double eta =
          0.02 * std::min(size, 12.0) * std::pow(10.0, -0.7 + 0.11 * static_cast<double>(point));
      CellData cell{batch, point, eta};
      for (const std::int64_t seed : data.seeds) cell.trials.push_back(linear_trial(size, eta, seed));
      data.cells.push_back(std::move(cell));
    }
  }
  declare_columns(data);
  return data;
}

SweepData synthetic_quadratic() {
  SweepData data;
  data.name = "quadratic-synthetic";
  data.title = "Quadratic regression by formula, D = 60";
  data.batches = {2, 6, 24, 60};
  data.seeds = {0, 1};
  data.points = 2;
  data.max_records = 60;
  for (const std::int64_t batch : data.batches) {
    for (std::int64_t point = 0; point < data.points; ++point) {
      CellData cell{batch, point, 0.05 * static_cast<double>(point + 1)};
      for (const std::int64_t seed : data.seeds) {
        cell.trials.push_back(quadratic_trial(static_cast<double>(batch), cell.eta, seed));
      }
      data.cells.push_back(std::move(cell));
    }
  }
  declare_columns(data);
  return data;
}

}  // namespace edgesweep
