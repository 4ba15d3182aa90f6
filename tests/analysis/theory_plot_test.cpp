#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "analysis/measures_plot.hpp"
#include "analysis/phase_plane.hpp"
#include "analysis/plot.hpp"
#include "engine/base/file.hpp"
#include "tests/analysis/synthetic_sweep.hpp"
#include "tests/analysis/synthetic_theory.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A folder of its own for each test, removed at its end.
class TheoryPlot : public testing::Test {
 protected:
  TheoryPlot()
      : folder_(std::filesystem::temp_directory_path() / ("edgesweep_theory_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~TheoryPlot() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  /// gnuplot draws the pictures without a complaint.
  void draw_all(const std::vector<Picture>& pictures) {
    for (const Picture& picture : pictures) {
      write_picture(folder_, picture);
      EXPECT_EQ(read_text_file(folder_ / (picture.name + ".png")).substr(1, 3), "PNG");
    }
  }
  std::filesystem::path folder_;
};

std::vector<std::string> names_of(const std::vector<Picture>& pictures) {
  std::vector<std::string> names;
  for (const Picture& picture : pictures) names.push_back(picture.name);
  return names;
}

std::string script_of(const std::vector<Picture>& pictures, const std::string& name) {
  const auto found = std::find_if(pictures.begin(), pictures.end(),
                                  [&](const Picture& picture) { return picture.name == name; });
  return found == pictures.end() ? "" : found->script;
}

void remove_column(SweepData& data, const std::string& name) {
  std::erase_if(data.columns, [&](const Column& column) { return column.name == name; });
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) trial.columns.erase(name);
  }
}

TEST_F(TheoryPlot, DrawsEveryPictureOfALinearSweep) {
  const std::vector<Picture> pictures = draw_sweep(synthetic_linear(), 3);
  EXPECT_THAT(names_of(pictures), ElementsAre("phase_loss", "phase_K", "phase_K_eta_over_batch",
                                              "phase_eta_lambda", "trajectories_b3", "stability_b3",
                                              "loss_against_measures", "linear_trajectories_b3"));
  draw_all(pictures);
}

TEST_F(TheoryPlot, DrawsEveryPictureOfAQuadraticSweep) {
  const std::vector<Picture> pictures = draw_sweep(synthetic_quadratic(), std::nullopt);
  EXPECT_THAT(names_of(pictures),
              ElementsAre("phase_loss", "phase_K", "phase_K_eta_over_batch", "phase_eta_lambda",
                          "trajectories_b2", "eigenvalue_trajectories", "discrete_derivatives"));
  draw_all(pictures);
}

TEST_F(TheoryPlot, PicturesOfOneCellOfFullBatchOrOfFewColumnsStillDraw) {
  SweepData linear = synthetic_linear();
  draw_all(draw_sweep(linear, 60));
  for (const char* name : {"T_lambda_max", "K", "K_full", "train_loss", "ntk_lambda_max"})
    remove_column(linear, name);
  draw_all(draw_sweep(linear, 1));
  linear.cells.resize(1);
  draw_all(draw_sweep(linear, 1));
  SweepData quadratic = synthetic_quadratic();
  for (const char* name : {"K", "sigma_hat_0", "lambda_hat_d1_theory_0", "ntk_eigenvalues_sem_0"}) {
    remove_column(quadratic, name);
  }
  quadratic.cells.resize(1);
  draw_all(draw_sweep(quadratic, std::nullopt));
}

TEST(TheoryPlots, AreLeftOutBeforeATrialHasEnded) {
  for (SweepData data : {synthetic_linear(), synthetic_quadratic()}) {
    for (CellData& cell : data.cells) {
      for (TrialData& trial : cell.trials) trial.status = TrialStatus::running;
    }
    const std::vector<Picture> pictures = draw_sweep(data, std::nullopt);
    for (const std::string& name : names_of(pictures)) EXPECT_THAT(name, HasSubstr("trajectories_b"));
  }
}

TEST(StabilityPlot, MarksTheExactLearningRatesThatLieInItsRange) {
  // B = 1: κ = 1, so K_full = 50 η is 1 at 0.02 and K_tr at 0.04.
  const std::string script = script_of(draw_sweep(synthetic_linear(), 1), "stability_b1");
  EXPECT_THAT(script, HasSubstr("$mark0 << EOD\n0.02 1 \n"));  // λ_max(T)
  EXPECT_THAT(script, HasSubstr("$mark6 << EOD\n0.04 1 \n"));  // K_tr
  SweepData short_grid = synthetic_linear();
  std::erase_if(short_grid.cells, [](const CellData& cell) { return cell.eta > 0.03; });
  EXPECT_THAT(script_of(draw_sweep(short_grid, 1), "stability_b1"), Not(HasSubstr("$mark6 <<")));
}

TEST(LossAgainstMeasures, CountsCellsOnTheWrongSideOfOne) {
  const std::vector<JudgedCell> cells{
      {0.5, 0.1, false, 1},   // stable, and said so
      {0.9, 2.0, false, 1},   // grew though below 1
      {0.99, 0.1, true, 1},   // diverged though below 1, whatever its last loss
      {1.0, 0.1, false, 1},   // fell though at 1
      {1.5, 50.0, true, 1}};  // diverged, and said so
  EXPECT_EQ(misjudged(cells, 0.5), 3u);
  EXPECT_EQ(misjudged({}, 0.5), 0u);
}

TEST(LossAgainstMeasures, LambdaOfTMisjudgesNoCellOfTheSyntheticSweepAndKTrMany) {
  // The expected loss is λ_max(T)^t / 2: it ends above its start exactly where λ_max(T) > 1. K_tr is half of
  // a, which is 1 there: it misses the cells with 1 < a < 2.
  const std::string script = script_of(draw_sweep(synthetic_linear(), 1), "loss_against_measures");
  EXPECT_THAT(script, HasSubstr("{/:Bold λ_{max}(T)}     {/=11 0 of 48 on the wrong side}"));
  EXPECT_THAT(script, HasSubstr("{/:Bold K_{tr}}     {/=11 10 of 48 on the wrong side}"));
}

TEST(EigenvalueTrajectories, ShowEveryBatchSizeAndNameFullBatch) {
  const std::string script =
      script_of(draw_sweep(synthetic_quadratic(), std::nullopt), "eigenvalue_trajectories");
  for (const char* title : {"B = 2\"", "B = 6\"", "B = 24\"", "B = 60 (all)\""})
    EXPECT_THAT(script, HasSubstr(title));
  EXPECT_THAT(script, HasSubstr("at η = 0.1,"));
}

TEST(EigenvalueTrajectories, LetDivergingTrialsLeaveThePanel) {
  SweepData data = synthetic_quadratic();
  const auto top_of = [](const SweepData& sweep) {
    const std::string script = script_of(draw_sweep(sweep, std::nullopt), "eigenvalue_trajectories");
    const std::size_t range = script.find("set yrange [");
    return std::stod(script.substr(script.find(':', range) + 1));
  };
  const double calm = top_of(data);
  for (CellData& cell : data.cells) {
    if (cell.batch != 2) continue;
    for (TrialData& trial : cell.trials) {
      trial.status = TrialStatus::diverged;
      trial.columns.at("ntk_eigenvalues_0").back() = 1e6;
    }
  }
  EXPECT_LT(top_of(data), 2 * calm);
  EXPECT_GT(top_of(data), calm);
}

TEST(DiscreteDerivatives, CompareWithTheoryInStandardErrors) {
  SweepData data = synthetic_quadratic();
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) {
      // Both seeds 4 standard errors above the theory at step 1; the error of their mean is √2 times smaller.
      auto& columns = trial.columns;
      columns["lambda_hat_d1_1"][1] =
          columns["lambda_hat_d1_theory_1"][1] + 4 * columns["lambda_hat_d1_sem_1"][1];
    }
  }
  const std::string script = script_of(draw_sweep(data, std::nullopt), "discrete_derivatives");
  EXPECT_THAT(script, HasSubstr("at most 5.7 standard errors from theory"));
  EXPECT_THAT(script, HasSubstr("α = 1,  σ = 8"));
}

TEST(NoiseLine, TakesTheExactLearningRateWhereTheStoreHoldsIt) {
  SweepData data = synthetic_linear();
  // A grid that does not reach K = 1 leaves the exact one.
  std::erase_if(data.cells, [](const CellData& cell) { return cell.point > 3; });
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const Rows noise = noise_line(boundaries, false);
  const Rows exact = second_moment_line(boundaries, false);
  ASSERT_EQ(noise.size(), 5u);
  EXPECT_NEAR(noise[0][0], 1 / (50 * 0.9), 1e-15);
  EXPECT_NEAR(exact[0][0], 1 / 50.0, 1e-15);
  EXPECT_TRUE(std::isnan(noise[4][0]) && std::isnan(exact[4][0]));  // full batch
}

TEST(NoiseLine, OfLambdaOfTComesFromKFullInANetwork) {
  SweepData data = synthetic_sweep();
  data.columns.push_back({"K_full", "1", "K_full"});
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) {
      trial.columns["K_full"] = trial.columns["K"];
      for (double& value : trial.columns["K_full"]) value *= 1.25;
    }
  }
  const Rows exact = second_moment_line(summarise_boundaries(data, summarise_phase(data)), false);
  EXPECT_NEAR(exact[0][0], 1 / (1.25 * 125), 1e-14);  // K = 125 η / B
}

}  // namespace
}  // namespace edgesweep
