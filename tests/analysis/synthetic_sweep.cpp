#include "tests/analysis/synthetic_sweep.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgesweep {
namespace {

constexpr int kRecords = 40;
constexpr double kLastStep = 20000;

TrialData synthetic_trial(double batch, double eta, std::int64_t seed) {
  const double start_noise = 125 * eta / batch;
  const bool diverges = start_noise > 2 || 80 * eta > 3;
  const double jitter = 1 + 0.05 * static_cast<double>(seed);
  std::map<std::string, std::vector<double>> columns;
  for (int record = 0; record < (diverges ? 12 : kRecords); ++record) {
    const double step =
        record == 0 ? 0
                    : record + std::round(std::pow(kLastStep, static_cast<double>(record) / (kRecords - 1)));
    const double time = eta * step;
    const double growth = diverges ? std::exp(0.4 * record) : 1;
    const double curvature = 80 * (1 + std::min(2 / (80 * eta) * 0.9, 1.5) * time / (time + 4)) * growth;
    const double noise = start_noise * (1 + 0.8 * time / (time + 1)) * growth;
    columns["step"].push_back(step);
    columns["samples"].push_back(step * batch);
    columns["learning_rate"].push_back(eta);
    columns["train_loss"].push_back(0.5 * jitter * growth * (std::exp(-3 * time) + 0.02 / (1 + time)));
    columns["test_error"].push_back(0.5 * std::exp(-time) + 0.05);
    columns["K"].push_back(noise > 1 && !diverges ? std::max(0.8, start_noise / (1 + 0.2 * time)) : noise);
    columns["hessian_lambda_max"].push_back(curvature);
    columns["ntk_lambda_max"].push_back(0.95 * curvature);
  }
  TrialData trial = make_trial_data(diverges ? TrialStatus::diverged : TrialStatus::done, std::move(columns));
  trial.seed = seed;
  return trial;
}

}  // namespace

TrialData make_trial_data(TrialStatus status, std::map<std::string, std::vector<double>> columns) {
  TrialData trial;
  trial.status = status;
  trial.records = static_cast<std::int64_t>(columns.at("step").size());
  trial.columns = std::move(columns);
  return trial;
}

SweepData synthetic_sweep() {
  SweepData data;
  data.name = "synthetic_sweep";
  data.title = "MLP 784-256-256-1 (erf), D = 2500, synthetic_numbers {by `formula`}, 'quoted' 100 %";
  data.batches = {1, 2, 4, 8, 16, 32, 64, 128};
  data.seeds = {0, 1, 2};
  data.points = 10;
  data.max_records = kRecords;
  for (const char* name : {"step", "samples", "learning_rate", "train_loss", "test_error", "K",
                           "ntk_lambda_max", "hessian_lambda_max"}) {
    data.columns.push_back({name, "1", name});
  }
  for (const std::int64_t batch : data.batches) {
    for (std::int64_t point = 0; point < data.points; ++point) {
      const auto size = static_cast<double>(batch);
      const double eta = std::pow(10.0, -4 + 0.28 * static_cast<double>(point)) * std::min(size, 16.0);
      CellData cell{batch, point, eta};
      for (const std::int64_t seed : data.seeds) cell.trials.push_back(synthetic_trial(size, eta, seed));
      data.cells.push_back(std::move(cell));
    }
  }
  return data;
}

SweepData synthetic_sweep_with_full_batch() {
  SweepData data = synthetic_sweep();
  for (CellData& cell : data.cells) {
    if (cell.batch != data.batches.back()) continue;
    for (TrialData& trial : cell.trials) {
      std::vector<double>& noise = trial.columns.at("K");
      for (std::size_t record = 0; record < noise.size(); ++record) {
        const bool stable = cell.eta * trial.columns.at("hessian_lambda_max")[record] < 2;
        noise[record] = stable ? 0 : std::numeric_limits<double>::infinity();
      }
    }
  }
  return data;
}

}  // namespace edgesweep
