#include "analysis/phase.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/analysis/synthetic_sweep.hpp"
#include "tests/analysis/synthetic_theory.hpp"

namespace edgesweep {
namespace {

using testing::Contains;
using testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// B = 4, η = 0.5; two seeds with the given final K and a loss.
SweepData two_seeds(double first, double second) {
  SweepData data;
  data.batches = {4};
  data.seeds = {0, 1};
  data.points = 1;
  data.columns = {{"step", "1", ""}, {"K", "1", ""}, {"train_loss", "1", ""}};
  CellData cell{4, 0, 0.5};
  for (const double last : {first, second}) {
    cell.trials.push_back(make_trial_data(
        TrialStatus::done, {{"step", {0, 10, 20}}, {"K", {0.5, 2, last}}, {"train_loss", {3, 1, 2}}}));
  }
  data.cells = {cell};
  return data;
}

TEST(Estimate, IsMeanAndStandardErrorOfTheMean) {
  // NumPy: x = [1, 2, 4]; x.mean(), x.std(ddof=1) / 3**0.5
  const Estimate three = estimate({1, 2, 4});
  EXPECT_NEAR(three.mean, 2.3333333333333335, 1e-15);
  EXPECT_NEAR(three.sem, 0.8819171036881969, 1e-15);
}

TEST(Estimate, HasNoErrorForOneSeedOrInfiniteValues) {
  EXPECT_EQ(estimate({2}).mean, 2);
  EXPECT_TRUE(std::isnan(estimate({2}).sem));
  EXPECT_EQ(estimate({2, kInfinity}).mean, kInfinity);
  EXPECT_TRUE(std::isnan(estimate({2, kInfinity}).sem));
  EXPECT_TRUE(std::isnan(estimate({}).mean));
  EXPECT_EQ(estimate({std::nan(""), 3}).mean, 3);
}

TEST(Phase, SumsUpEachTrialAndThenTheSeeds) {
  const SweepData data = two_seeds(1, 3);
  const PhaseSummary phase = summarise_phase(data);
  const CellSummary& cell = phase.cells.at(0);
  EXPECT_EQ(phase.mean(cell, "K_initial"), 0.5);
  EXPECT_EQ(phase.mean(cell, "K_max"), 2.5);                 // 2 and 3
  EXPECT_EQ(phase.mean(cell, "K_median_second_half"), 2.0);  // medians of {2, 1} and {2, 3}
  EXPECT_EQ(phase.mean(cell, "K_final"), 2.0);
  EXPECT_EQ(phase.mean(cell, "steps_K_above_1"), 10);
  EXPECT_EQ(phase.mean(cell, "train_loss_min"), 1);
  EXPECT_EQ(phase.mean(cell, "train_loss_final"), 2);
}

TEST(Phase, InfiniteKMakesTheMeanInfinite) {
  const PhaseSummary phase = summarise_phase(two_seeds(1, kInfinity));
  EXPECT_EQ(phase.mean(phase.cells.at(0), "K_final"), kInfinity);
}

TEST(Phase, LeavesOutWhatWasNotMeasured) {
  const SweepData data = two_seeds(1, 3);
  const std::vector<std::string> header = phase_table(data, summarise_phase(data)).header();
  EXPECT_THAT(header, Contains("K_max_mean"));
  EXPECT_THAT(header, Contains("K_max_sem"));
  EXPECT_THAT(header, Not(Contains("test_error_final_mean")));
  EXPECT_THAT(header, Not(Contains("eta_hessian_lambda_max_final_mean")));
}

TEST(Phase, MultipliesLambdaByTheCellsLearningRate) {
  SweepData data = two_seeds(1, 1);
  data.columns.push_back({"hessian_lambda_max", "1", ""});
  for (TrialData& trial : data.cells[0].trials) trial.columns["hessian_lambda_max"] = {2, 6, 4};
  const PhaseSummary phase = summarise_phase(data);
  EXPECT_EQ(phase.mean(phase.cells[0], "eta_hessian_lambda_max_initial"), 1);
  EXPECT_EQ(phase.mean(phase.cells[0], "eta_hessian_lambda_max_max"), 3);
  EXPECT_EQ(phase.mean(phase.cells[0], "eta_hessian_lambda_max_final"), 2);
}

TEST(Phase, SumsUpTheMeasuresOfALinearModel) {
  const PhaseSummary phase = summarise_phase(synthetic_linear());
  const CellSummary& cell = phase.cells.at(4);  // B = 1: κ = 1
  EXPECT_NEAR(phase.mean(cell, "K_full_initial"), 50 * cell.eta, 1e-14);
  EXPECT_NEAR(phase.mean(cell, "K_tr_max"), 25 * cell.eta, 1e-14);
  EXPECT_NEAR(phase.mean(cell, "K_block_initial"), 30 * cell.eta, 1e-14);
  const double radius = phase.mean(cell, "T_lambda_max_initial");
  EXPECT_NEAR(radius, 1 + 2 * cell.eta * (50 * cell.eta - 1), 1e-14);
  EXPECT_NEAR(phase.mean(cell, "expected_loss_final"), 0.5 * std::pow(radius, 300), 1e-12);
  EXPECT_TRUE(phase.has("A_plus_N_lambda_max_initial"));
}

TEST(Phase, OnlyEndedTrialsEnterMeansButAllAreCounted) {
  SweepData data = two_seeds(1, 9);
  data.cells[0].trials[1].status = TrialStatus::running;
  data.cells[0].trials.push_back({2, TrialStatus::pending});
  data.cells[0].trials.push_back({3, TrialStatus::failed});
  const PhaseSummary phase = summarise_phase(data);
  const CellSummary& cell = phase.cells[0];
  EXPECT_EQ(cell.done, 1);
  EXPECT_EQ(cell.pending, 2);
  EXPECT_EQ(cell.failed, 1);
  EXPECT_EQ(phase.mean(cell, "K_final"), 1);
}

TEST(Phase, CellIsDivergedFromHalfOfItsSeedsOn) {
  CellSummary cell;
  cell.done = 2;
  EXPECT_FALSE(cell.is_diverged());
  cell.diverged = 1;
  EXPECT_FALSE(cell.is_diverged());
  EXPECT_TRUE(cell.is_converged());
  cell.diverged = 2;
  EXPECT_TRUE(cell.is_diverged());
  EXPECT_FALSE(cell.is_converged());
}

TEST(Phase, PendingCellIsNeitherConvergedNorDiverged) {
  CellSummary cell;
  cell.pending = 3;
  EXPECT_FALSE(cell.is_converged());
  EXPECT_FALSE(cell.is_diverged());
}

TEST(Phase, ATrialWithoutRecordsLeavesNoNumbers) {
  SweepData data = two_seeds(1, 1);
  data.cells[0].trials = {
      make_trial_data(TrialStatus::diverged, {{"step", {}}, {"K", {}}, {"train_loss", {}}})};
  const PhaseSummary phase = summarise_phase(data);
  EXPECT_TRUE(std::isnan(phase.mean(phase.cells[0], "K_final")));
  EXPECT_TRUE(std::isnan(phase.mean(phase.cells[0], "K_median_second_half")));
}

TEST(PhaseTable, HasOneRowACellInTheOrderOfTheHeader) {
  const SweepData data = two_seeds(1, 3);
  const Table table = phase_table(data, summarise_phase(data));
  ASSERT_EQ(table.rows.size(), 1u);
  const auto& row = table.rows[0];
  ASSERT_EQ(row.size(), table.header().size());
  EXPECT_EQ(std::get<std::int64_t>(row[0]), 4);
  EXPECT_EQ(std::get<double>(row[2]), 0.5);
  EXPECT_EQ(std::get<double>(row[3]), 0.125);
  EXPECT_EQ(std::get<std::int64_t>(row[4]), 2);
}

}  // namespace
}  // namespace edgesweep
