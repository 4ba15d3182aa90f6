#include "analysis/replicas.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/cell_choice.hpp"
#include "tests/analysis/synthetic_sweep.hpp"
#include "tests/analysis/synthetic_theory.hpp"

namespace edgesweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

CellData two_trials() {
  CellData cell{4, 0, 0.5};
  cell.trials = {
      make_trial_data(TrialStatus::done, {{"step", {0, 1, 2}}, {"x", {1, kNan, 3}}, {"x_sem", {3, 3, 3}}}),
      make_trial_data(TrialStatus::diverged, {{"step", {0, 1, 2}}, {"x", {2, 4, 5}}, {"x_sem", {4, 4, 4}}})};
  return cell;
}

TEST(Replicas, MeanOverTrialsHasTheErrorOfTheTrialsOwnErrors) {
  const std::vector<CellRecord> records = mean_over_trials(two_trials(), {"x", "x_sem"});
  ASSERT_EQ(records.size(), 2u);  // step 1 is not known of both
  EXPECT_EQ(records[0].value.mean, 1.5);
  EXPECT_NEAR(records[0].value.sem, 2.5, 1e-15);  // √(3² + 4²) / 2
  EXPECT_EQ(at_step(records, 2).mean, 4);
  EXPECT_TRUE(std::isnan(at_step(records, 1).mean));
}

TEST(Replicas, WithoutOwnErrorsTheSpreadOverTrialsCounts) {
  EXPECT_EQ(mean_over_trials(two_trials(), {"x", ""})[0].value.sem, 0.5);
}

TEST(Replicas, OnlyRecordsThatAllEndedTrialsHaveEnter) {
  CellData cell = two_trials();
  cell.trials[1].records = 1;
  EXPECT_EQ(mean_over_trials(cell, {"x", ""}).size(), 1u);
  cell.trials[1].status = TrialStatus::running;
  EXPECT_EQ(mean_over_trials(cell, {"x", ""}).size(), 2u);
  cell.trials[0].status = TrialStatus::pending;
  EXPECT_TRUE(mean_over_trials(cell, {"x", ""}).empty());
}

TEST(Replicas, ColumnsOfAVectorGoWithTheirErrors) {
  const auto columns = replica_columns(synthetic_quadratic(), "ntk_eigenvalues");
  ASSERT_EQ(columns.size(), 3u);
  EXPECT_EQ(columns[2].mean, "ntk_eigenvalues_2");
  EXPECT_EQ(columns[2].sem, "ntk_eigenvalues_sem_2");
  const auto scalar = replica_columns(synthetic_linear(), "train_loss");
  ASSERT_EQ(scalar.size(), 1u);
  EXPECT_EQ(scalar[0].sem, "train_loss_sem");
  EXPECT_EQ(replica_columns(synthetic_linear(), "K").at(0).sem, "");
  EXPECT_TRUE(replica_columns(synthetic_linear(), "ntk_eigenvalues").empty());
}

TEST(CellsAtSharedEta, TakeTheGreatestEtaWithoutDivergence) {
  SweepData data = synthetic_quadratic();
  EXPECT_EQ(cells_at_shared_eta(data).size(), 4u);
  EXPECT_EQ(cells_at_shared_eta(data).front()->eta, 0.1);
  data.cells[1].trials[0].status = TrialStatus::diverged;  // B = 2, η = 0.1
  EXPECT_EQ(cells_at_shared_eta(data).front()->eta, 0.05);
  data.cells[0].eta *= 1 + 1e-12;  // the same up to rounding
  EXPECT_EQ(cells_at_shared_eta(data).size(), 4u);
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) trial.status = TrialStatus::running;
  }
  EXPECT_TRUE(cells_at_shared_eta(data).empty());
}

}  // namespace
}  // namespace edgesweep
