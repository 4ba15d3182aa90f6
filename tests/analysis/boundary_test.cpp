#include "analysis/boundary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/analysis/synthetic_sweep.hpp"
#include "tests/analysis/synthetic_theory.hpp"

namespace edgesweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

CellSummary cell_at(double eta, int done, int diverged, int pending = 0) {
  CellSummary cell;
  cell.eta = eta;
  cell.done = done;
  cell.diverged = diverged;
  cell.pending = pending;
  return cell;
}

TEST(RisingCrossing, IsExactForAPowerLaw) {
  // value = 4 η²: reaches 1 at η = 0.5, in any order of the points.
  const Crossing crossing = rising_crossing({{1, 4}, {0.1, 0.04}, {0.3, 0.36}}, 1);
  EXPECT_NEAR(crossing.eta, 0.5, 1e-14);
  EXPECT_EQ(crossing.lower, 0.3);
  EXPECT_EQ(crossing.upper, 1);
}

TEST(RisingCrossing, TakesTheGridPointThatMeetsTheThreshold) {
  const Crossing crossing = rising_crossing({{1, 0.5}, {2, 1}, {4, 2}}, 1);
  EXPECT_NEAR(crossing.eta, 2, 1e-14);
  EXPECT_EQ(crossing.upper, 2);
}

TEST(RisingCrossing, TakesTheGeometricMeanBesideInfinityAndZero) {
  EXPECT_NEAR(rising_crossing({{1, 0.5}, {4, kInfinity}}, 1).eta, 2, 1e-14);
  EXPECT_NEAR(rising_crossing({{1, 0}, {4, 3}}, 1).eta, 2, 1e-14);
}

TEST(RisingCrossing, PassesOverPointsWithoutValue) {
  const Crossing crossing = rising_crossing({{1, 0.25}, {2, kNan}, {16, 4}}, 1);
  EXPECT_NEAR(crossing.eta, 4, 1e-13);
  EXPECT_EQ(crossing.upper, 16);
}

TEST(RisingCrossing, TakesTheFirstOfSeveral) {
  EXPECT_EQ(rising_crossing({{1, 0.5}, {2, 3}, {3, 0.5}, {4, 3}}, 1).upper, 2);
}

TEST(RisingCrossing, WithoutBracketGivesTheKnownSideOnly) {
  const Crossing below = rising_crossing({{1, 0.1}, {2, 0.2}}, 1);
  EXPECT_TRUE(std::isnan(below.eta));
  EXPECT_EQ(below.lower, 2);
  EXPECT_TRUE(std::isnan(below.upper));
  const Crossing above = rising_crossing({{1, 3}, {2, 4}}, 1);
  EXPECT_TRUE(std::isnan(above.eta));
  EXPECT_TRUE(std::isnan(above.lower));
  EXPECT_EQ(above.upper, 1);
  EXPECT_TRUE(std::isnan(rising_crossing({}, 1).lower));
}

TEST(DivergenceCrossing, LiesBetweenTheLastConvergedAndTheFirstDiverged) {
  const Crossing crossing =
      divergence_crossing({cell_at(8, 0, 3), cell_at(1, 3, 0), cell_at(2, 2, 1), cell_at(4, 1, 2)});
  EXPECT_EQ(crossing.lower, 2);
  EXPECT_EQ(crossing.upper, 4);
  EXPECT_NEAR(crossing.eta, std::sqrt(8.0), 1e-14);
}

TEST(DivergenceCrossing, PassesOverCellsThatHaveNotEnded) {
  const Crossing crossing = divergence_crossing({cell_at(1, 3, 0), cell_at(2, 0, 0, 3), cell_at(4, 0, 3)});
  EXPECT_EQ(crossing.lower, 1);
  EXPECT_EQ(crossing.upper, 4);
}

TEST(DivergenceCrossing, IsOpenWhereNothingOrEverythingDiverged) {
  const Crossing stable = divergence_crossing({cell_at(1, 3, 0), cell_at(2, 3, 0)});
  EXPECT_EQ(stable.lower, 2);
  EXPECT_TRUE(std::isnan(stable.upper) && std::isnan(stable.eta));
  const Crossing wild = divergence_crossing({cell_at(1, 0, 3)});
  EXPECT_EQ(wild.upper, 1);
  EXPECT_TRUE(std::isnan(wild.lower) && std::isnan(wild.eta));
}

TEST(EtaLambdaEdge, IsTwoTimesOnePlusMomentum) {
  EXPECT_EQ(eta_lambda_edge(0), 2);
  EXPECT_NEAR(eta_lambda_edge(0.9), 3.8, 1e-15);
}

TEST(Boundaries, RecoverTheLawOfTheSyntheticSweep) {
  // K before the first step is 125 η / B, so K = 1 at η = B / 125; η λ_max is 80 η, so 2 at η = 1/40.
  const SweepData data = synthetic_sweep();
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const auto noise = static_cast<std::size_t>(boundaries.find("eta_K1_initial"));
  const auto edge = static_cast<std::size_t>(boundaries.find("eta_hessian_edge_initial"));
  for (const BatchBoundary& row : boundaries.rows) {
    const double expected = static_cast<double>(row.batch) / 125;
    if (row.batch <= 64) {
      EXPECT_NEAR(row.crossings[noise].eta, expected, 1e-12 * expected);
    } else {
      EXPECT_TRUE(std::isnan(row.crossings[noise].eta));
    }
    EXPECT_NEAR(row.crossings[edge].eta, 1.0 / 40, 1e-12);
  }
}

TEST(Boundaries, UseTheEdgeOfMomentum) {
  SweepData data = synthetic_sweep();
  data.momentum = 0.5;
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const auto edge = static_cast<std::size_t>(boundaries.find("eta_hessian_edge_initial"));
  EXPECT_NEAR(boundaries.rows.at(3).crossings[edge].eta, 3.0 / 80, 1e-12);
}

TEST(Boundaries, KnowTheEdgeBeyondTheGrid) {
  // λ_max before the first step is 80 in every cell: the edge is at 2 · 1.5 / 80, cells there or not.
  SweepData data = synthetic_sweep();
  data.momentum = 0.5;
  std::erase_if(data.cells, [](const CellData& cell) { return cell.batch == 4 && cell.eta > 1e-3; });
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const auto edge = static_cast<std::size_t>(boundaries.find("eta_hessian_edge_initial"));
  EXPECT_TRUE(std::isnan(boundaries.rows.at(2).crossings[edge].eta));
  for (const BatchBoundary& row : boundaries.rows) EXPECT_NEAR(row.edge_eta, 3.0 / 80, 1e-12);
}

TEST(Boundaries, TakeTheEdgeFromTheNtkWithoutHessianAndFromNothingWithoutBoth) {
  SweepData data = synthetic_sweep();
  std::erase_if(data.columns, [](const Column& column) { return column.name == "hessian_lambda_max"; });
  // The synthetic NTK has λ_max = 0.95 · 80.
  EXPECT_NEAR(summarise_boundaries(data, summarise_phase(data)).rows.at(0).edge_eta, 2 / 76.0, 1e-12);
  std::erase_if(data.columns, [](const Column& column) { return column.name == "ntk_lambda_max"; });
  EXPECT_TRUE(std::isnan(summarise_boundaries(data, summarise_phase(data)).rows.at(0).edge_eta));
}

TEST(Boundaries, KeepTheCrossingAtFullBatchAndSayThatItIsNotOfNoise) {
  const SweepData data = synthetic_sweep_with_full_batch();
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const BatchBoundary& full = boundaries.rows.back();
  const Crossing crossing = full.crossings[static_cast<std::size_t>(boundaries.find("eta_K1_initial"))];
  EXPECT_FALSE(full.has_noise);
  EXPECT_LT(crossing.lower, 1.0 / 40);
  EXPECT_GE(crossing.upper, 1.0 / 40);
  EXPECT_TRUE(boundaries.rows.front().has_noise);
}

TEST(BoundaryTable, HasOneRowABatchWithThreeColumnsABoundary) {
  const SweepData data = synthetic_sweep();
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const Table table = boundary_table(data, boundaries);
  EXPECT_EQ(table.rows.size(), 8u);
  EXPECT_EQ(table.rows[0].size(), 2 + 3 * boundaries.names.size());
  EXPECT_EQ(table.header()[2], "eta_K1_initial");
  EXPECT_EQ(table.header()[3], "eta_K1_initial_lower");
}

double value_of(const Table& table, std::size_t row, const std::string& column) {
  const std::vector<std::string> header = table.header();
  const auto at = std::find(header.begin(), header.end(), column) - header.begin();
  return std::get<double>(table.rows.at(row).at(static_cast<std::size_t>(at)));
}

/// κ of a batch size of synthetic_linear().
double kappa(double batch) {
  return (kSyntheticExamples - batch) / (batch * (kSyntheticExamples - 1));
}

TEST(BoundaryTable, InterpolatesEveryMeasureOfALinearModel) {
  const SweepData data = synthetic_linear();
  const Table table = boundary_table(data, summarise_boundaries(data, summarise_phase(data)));
  for (std::size_t row = 0; row < 2; ++row) {  // beyond, K_block reaches 1 where its neighbour is infinite
    const double full = 1 / (50 * kappa(static_cast<double>(data.batches[row])));
    // Power laws of η, for which the interpolation is exact.
    EXPECT_NEAR(value_of(table, row, "eta_K_full1_initial"), full, 1e-12);
    EXPECT_NEAR(value_of(table, row, "eta_K1_initial"), full / 0.9, 1e-12);
    EXPECT_NEAR(value_of(table, row, "eta_K_hd1_initial"), full / 0.7, 1e-12);
    EXPECT_NEAR(value_of(table, row, "eta_K_block1_max"), full / 0.6, 1e-12);
    EXPECT_LT(value_of(table, row, "eta_T1_initial_lower"), full);
    EXPECT_GT(value_of(table, row, "eta_T1_initial_upper"), full);
    EXPECT_GT(value_of(table, row, "eta_A_plus_N1_initial_upper"), full / 0.9);
  }
}

TEST(BoundaryTable, HoldsTheExactBoundariesAndTheirRatios) {
  const SweepData data = synthetic_linear();
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const Table table = boundary_table(data, boundaries);
  const double full = 1 / (50 * kappa(3));
  EXPECT_NEAR(value_of(table, 1, "eta_star_T"), full, 1e-14);
  EXPECT_NEAR(value_of(table, 1, "eta_star_K_tr"), 2 * full, 1e-14);
  EXPECT_NEAR(value_of(table, 1, "eta_star_A_plus_N_over_T"), 1 / 0.9, 1e-14);
  EXPECT_NEAR(value_of(table, 1, "eta_star_K_full_over_T"), 1, 1e-14);
  EXPECT_NEAR(value_of(table, 1, "eta_star_K_hd_over_T"), 1 / 0.7, 1e-14);
  EXPECT_NEAR(value_of(table, 1, "eta_star_K_over_diverges"), full / 0.9 / value_of(table, 1, "eta_diverges"),
              1e-14);
  // κ = 0 at full batch: no measure of noise reaches 1.
  EXPECT_TRUE(std::isnan(value_of(table, 4, "eta_star_T")));
  EXPECT_TRUE(std::isnan(value_of(table, 4, "eta_star_K_over_T")));
}

TEST(BoundaryTable, TakesExactBoundariesAlsoFromTrialsThatRunAndFromThoseMeasuredOnly) {
  SweepData data = synthetic_linear();
  std::erase_if(data.columns, [](const Column& column) { return column.name == "eta_star_T"; });
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) trial.status = TrialStatus::running;
  }
  const Table table = boundary_table(data, summarise_boundaries(data, summarise_phase(data)));
  EXPECT_NEAR(value_of(table, 0, "eta_star_K"), 1 / 45.0, 1e-14);
  EXPECT_TRUE(std::isnan(value_of(table, 0, "eta_star_K_over_diverges")));
  const std::vector<std::string> header = table.header();
  EXPECT_EQ(std::count(header.begin(), header.end(), "eta_star_T"), 0);
  EXPECT_EQ(std::count(header.begin(), header.end(), "eta_star_K_over_T"), 0);
}

}  // namespace
}  // namespace edgesweep
