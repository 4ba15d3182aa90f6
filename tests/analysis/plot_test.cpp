#include "analysis/plot.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "analysis/cell_choice.hpp"
#include "analysis/error_plot.hpp"
#include "analysis/heading.hpp"
#include "analysis/phase_plane.hpp"
#include "analysis/trajectory_plot.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "tests/analysis/synthetic_sweep.hpp"

namespace edgesweep {
namespace {

/// A folder of its own for each test, removed at its end.
class Plot : public testing::Test {
 protected:
  Plot() : folder_(std::filesystem::temp_directory_path() / ("edgesweep_plot_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Plot() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::filesystem::path folder_;
};

std::vector<std::string> names_of(const std::vector<Picture>& pictures) {
  std::vector<std::string> names;
  for (const Picture& picture : pictures) names.push_back(picture.name);
  return names;
}

void remove_column(SweepData& data, const std::string& name) {
  std::erase_if(data.columns, [&](const Column& column) { return column.name == name; });
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) trial.columns.erase(name);
  }
}

TEST_F(Plot, DrawsEveryPictureOfASweepAsSvgAndPng) {
  const std::vector<Picture> pictures = draw_sweep(synthetic_sweep(), std::nullopt);
  EXPECT_EQ(names_of(pictures), (std::vector<std::string>{"phase_loss", "phase_K", "phase_K_eta_over_batch", "phase_error",
                                                          "phase_eta_lambda", "trajectories_b1", "error_against_K"}));
  for (const Picture& picture : pictures) {
    write_picture(folder_, picture);
    EXPECT_EQ(read_text_file(folder_ / (picture.name + ".png")).substr(1, 3), "PNG");
    EXPECT_NE(read_text_file(folder_ / (picture.name + ".svg")).find("</svg>"), std::string::npos);
  }
  const auto files = std::distance(std::filesystem::directory_iterator(folder_), {});
  EXPECT_EQ(static_cast<std::size_t>(files), 2 * pictures.size());  // and no partial ones
}

TEST_F(Plot, ShowsAnyTitleAsItIsAndRunsNothingInIt) {
  SweepData data = synthetic_sweep();
  data.title = "a_b {c} `touch " + (folder_ / "run").string() + "` 'd' \"e\" 100 % \\n @f";
  write_picture(folder_, draw_sweep(data, std::nullopt).front());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
  EXPECT_NE(read_text_file(folder_ / "phase_loss.svg").find("a_b {c} `touch"), std::string::npos);
}

TEST_F(Plot, WithoutGnuplotIsAnInputError) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", folder_.c_str(), 1);
  EXPECT_THROW(run_gnuplot("exit"), InputError);
  setenv("PATH", path.c_str(), 1);
}

TEST_F(Plot, FailingScriptIsReportedWithGnuplotsMessageAndLeavesNoFile) {
  try {
    write_picture(folder_, {"broken", 100, 100, "plot nonsense("});
    FAIL() << "no error";
  } catch (const SystemError& error) {
    EXPECT_NE(error.reason().find("nonsense"), std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(Plot, PicturesOfASweepThatHasOneCellOrMissingColumnsStillDraw) {
  SweepData data = synthetic_sweep();
  data.cells.resize(1);
  for (const Picture& picture : draw_sweep(data, std::nullopt)) write_picture(folder_, picture);
  remove_column(data, "K");
  for (const Picture& picture : draw_sweep(data, std::nullopt)) write_picture(folder_, picture);
}

TEST(DrawSweep, UsesTheNtkWhereTheHessianWasNotMeasured) {
  SweepData data = synthetic_sweep();
  remove_column(data, "hessian_lambda_max");
  const std::vector<PhasePlane> planes = phase_planes(summarise_phase(data));
  EXPECT_EQ(planes.back().quantity, "eta_ntk_lambda_max_final");
}

TEST(DrawSweep, LeavesOutWhatWasNotMeasured) {
  SweepData data = synthetic_sweep();
  remove_column(data, "hessian_lambda_max");
  remove_column(data, "ntk_lambda_max");
  remove_column(data, "K");
  EXPECT_EQ(names_of(draw_sweep(data, 8)), (std::vector<std::string>{"phase_loss", "phase_error", "trajectories_b8"}));
}

TEST(DrawSweep, ShowsTheMeasureOfNoiseThatThereIs) {
  for (const std::string column : {"K_tr", "K_gn"}) {
    SweepData data = synthetic_sweep_with_full_batch();
    for (Column& entry : data.columns) {
      if (entry.name == "K") entry.name = column;
    }
    for (CellData& cell : data.cells) {
      for (TrialData& trial : cell.trials) {
        auto values = trial.columns.extract("K");
        values.key() = column;
        trial.columns.insert(std::move(values));
      }
    }
    const std::string label = column == "K_tr" ? "K_{tr}" : "K_{GN}";
    const std::vector<Picture> pictures = draw_sweep(data, 1);
    EXPECT_EQ(phase_planes(summarise_phase(data)).at(1).quantity, column + "_median_second_half");
    for (const char* name : {"phase_K", "trajectories_b1", "error_against_K"}) {
      const auto picture = std::ranges::find(pictures, name, &Picture::name);
      ASSERT_NE(picture, pictures.end()) << name;
      EXPECT_NE(picture->script.find(label), std::string::npos) << name;
    }
    EXPECT_NE(std::ranges::find(pictures, "phase_K", &Picture::name)->script.find(label + " = 1 at step 0"), std::string::npos);
    EXPECT_NE(std::ranges::find(pictures, "phase_K", &Picture::name)->script.find(label + " = 0 (full batch)"), std::string::npos);
  }
}

TEST(DrawSweep, HasNothingToShowBeforeTheFirstRecord) {
  SweepData data = synthetic_sweep();
  for (CellData& cell : data.cells) {
    for (TrialData& trial : cell.trials) {
      trial.status = TrialStatus::pending;
      trial.records = 0;
      for (auto& [name, values] : trial.columns) values.clear();
    }
  }
  EXPECT_TRUE(draw_sweep(data, std::nullopt).empty());
}

TEST(DrawSweep, RefusesABatchThatTheSweepDoesNotHave) {
  EXPECT_THROW(draw_sweep(synthetic_sweep(), 3), InputError);
}

TEST(ErrorAgainstK, HasTheCellsThatAreDoneByIncreasingLearningRate) {
  const TrialStatus done = TrialStatus::done, diverged = TrialStatus::diverged;
  const auto trial = [](TrialStatus status, std::vector<double> K, std::vector<double> error) {
    return make_trial_data(status, {{"step", {0, 5, 10}}, {"K", std::move(K)}, {"test_error", std::move(error)}});
  };
  SweepData data;
  data.batches = {4};
  data.cells = {{4, 1, 0.2, {trial(done, {9, 0.4, 0.6}, {1, 1, 0.3}), trial(done, {9, 0.6, 0.8}, {1, 1, 0.1})}},
                {4, 0, 0.1, {trial(done, {9, 0.2, 0.2}, {1, 1, 0.5}), trial(diverged, {9, 9, 9}, {1, 1, 1}),
                             trial(done, {9, 0.2, 0.2}, {1, 1, 0.5})}},
                {4, 2, 0.4, {trial(done, {9, 2, 2}, {1, 1, 0.5}), trial(diverged, {9, 9, 9}, {1, 1, 1})}},
                {4, 3, 0.5, {trial(done, {0, 0, 0}, {1, 1, 0.5})}},
                {8, 0, 0.1, {trial(done, {1, 1, 1}, {1, 1, 0.5})}}};
  const std::vector<ErrorPoint> points = errors_of_batch(data, "K", 4);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_DOUBLE_EQ(points[0].K.mean, 0.2);
  EXPECT_DOUBLE_EQ(points[0].error.mean, 0.5);
  EXPECT_DOUBLE_EQ(points[1].K.mean, 0.6);
  EXPECT_DOUBLE_EQ(points[1].error.mean, 0.2);
  EXPECT_DOUBLE_EQ(points[1].error.sem, 0.1);
}

TEST(DefaultBatch, IsTheSmallestOfThoseWithMostCells) {
  SweepData data = synthetic_sweep();
  EXPECT_EQ(default_batch(data), 1);
  data.cells.erase(data.cells.begin());
  EXPECT_EQ(default_batch(data), 2);
}

const Picture& picture_of(const std::vector<Picture>& pictures, const std::string& name) {
  return *std::find_if(pictures.begin(), pictures.end(),
                       [&](const Picture& picture) { return picture.name == name; });
}

TEST(NoiseLine, HasNoPointAtFullBatch) {
  const auto line = [](const SweepData& data) {
    return noise_line(summarise_boundaries(data, summarise_phase(data)), false);
  };
  const auto points = line(synthetic_sweep_with_full_batch());
  ASSERT_EQ(points.size(), 8u);
  EXPECT_NEAR(points[0][0], 1.0 / 125, 1e-14);  // K = 125 η / B
  EXPECT_TRUE(std::isnan(points[7][0]));
  SweepData full = synthetic_sweep_with_full_batch();
  std::erase_if(full.cells, [](const CellData& cell) { return cell.batch != 128; });
  EXPECT_TRUE(line(full).empty());
}

TEST(EdgeLine, HasAPointAtEveryBatchSizeAlsoBeyondTheGrid) {
  SweepData data = synthetic_sweep();
  std::erase_if(data.cells, [](const CellData& cell) { return cell.batch <= 4 && cell.eta > 1e-3; });
  const BoundarySummary boundaries = summarise_boundaries(data, summarise_phase(data));
  const auto against_eta = edge_line(boundaries, false);
  const auto against_ratio = edge_line(boundaries, true);
  ASSERT_EQ(against_eta.size(), 8u);
  for (std::size_t at = 0; at < 8; ++at) {
    EXPECT_NEAR(against_eta[at][0], 2.0 / 80, 1e-12);
    EXPECT_NEAR(against_ratio[at][0], 2.0 / 80 / against_eta[at][1], 1e-12);
  }
}

TEST(PhasePlanes, NameALineOnlyWhereItIsInRange) {
  SweepData data = synthetic_sweep();
  const auto names_edge = [](const SweepData& sweep) {
    const std::vector<Picture> pictures = draw_sweep(sweep, std::nullopt);
    return picture_of(pictures, "phase_loss").script.find("ηλ_{max} = 2 at step 0 (Hessian)") !=
           std::string::npos;
  };
  EXPECT_TRUE(names_edge(data));
  std::erase_if(data.cells, [](const CellData& cell) { return cell.eta > 1e-3; });
  EXPECT_FALSE(names_edge(data));
}

TEST_F(Plot, MarksZeroAndInfiniteKAtFullBatchAndLeavesOutItsPanel) {
  const std::vector<Picture> pictures = draw_sweep(synthetic_sweep_with_full_batch(), 128);
  for (const Picture& picture : pictures) write_picture(folder_, picture);
  EXPECT_NE(picture_of(pictures, "phase_K").script.find("K = 0 (full batch)"), std::string::npos);
  EXPECT_EQ(picture_of(pictures, "phase_loss").script.find("K = 0"), std::string::npos);
  const std::string& trajectories = picture_of(pictures, "trajectories_b128").script;
  EXPECT_EQ(trajectories.find("set ylabel \"K\""), std::string::npos);
  EXPECT_NE(trajectories.find("0 at full batch"), std::string::npos);
}

TEST(Trajectories, MarkWhereALineLeavesItsPanelDownwards) {
  SweepData data = synthetic_sweep();
  EXPECT_EQ(draw_trajectories(data, 1, "")->script.find("$below0 using"), std::string::npos);
  data.cells.front().trials.front().columns.at("train_loss").back() = 1e-300;
  EXPECT_NE(draw_trajectories(data, 1, "")->script.find("$below0 using"), std::string::npos);
}

TEST(Heading, TakesOneLineOfOrdinaryLengthAndTwoBeyond) {
  const std::string line(kHeadingLetters, 'a');
  EXPECT_EQ(wrap_heading(line), std::vector<std::string>{line});
  EXPECT_EQ(wrap_heading(line + " b c"), (std::vector<std::string>{line, "b c"}));
  EXPECT_EQ(wrap_heading(line + "b"), (std::vector<std::string>{line, "b"}));
  EXPECT_TRUE(wrap_heading("").empty());
}

TEST(Heading, CountsLettersNotBytesAndCutsBetweenThem) {
  std::string greek;
  for (std::size_t at = 0; at < kHeadingLetters; ++at) greek += "η";
  EXPECT_EQ(wrap_heading(greek), std::vector<std::string>{greek});
  const std::vector<std::string> lines = wrap_heading(greek + greek + "η");
  EXPECT_EQ(lines.at(1), greek.substr(0, greek.size() - 2) + "…");
}

TEST(PhaseTiles, MeetHalfwayInLogAndStayNarrowAtGaps) {
  std::vector<CellSummary> cells;
  for (const auto& [batch, eta] : {std::pair{1, 1.0}, {1, 4.0}, {1, 16.0}, {2, 1.0}, {4, 1.0}, {64, 1.0}}) {
    CellSummary cell;
    cell.batch = batch;
    cell.eta = eta;
    cells.push_back(cell);
  }
  const std::vector<Tile> tiles = phase_tiles(cells, false);
  EXPECT_NEAR(tiles[0].x_high, 2, 1e-12);
  EXPECT_NEAR(tiles[1].x_low, 2, 1e-12);
  EXPECT_NEAR(tiles[1].x_high, 8, 1e-12);
  EXPECT_NEAR(tiles[0].y_high, std::sqrt(2), 1e-12);
  EXPECT_NEAR(tiles[4].y_high, 4 * std::sqrt(2), 1e-12);  // not at 16, half way to 64
  EXPECT_NEAR(phase_tiles(cells, true)[4].x, 0.25, 1e-12);
}

TEST(LogTicks, AreWrittenInOneWayOnOneAxis) {
  EXPECT_EQ(log_ticks(0.9, 110), "(\"1\" 1, \"2\" 2, \"5\" 5, \"10\" 10, \"20\" 20, \"50\" 50, \"100\" 100)");
  EXPECT_EQ(log_ticks(0.9e-4, 1.1),
            "(\"10^{-4}\" 1e-04, \"10^{-3}\" 0.001, \"10^{-2}\" 0.01, \"10^{-1}\" 0.1, \"10^{0}\" 1)");
  EXPECT_EQ(without_labels(log_ticks(0.9, 2.1)), "(\"\" 1, \"\" 1.5, \"\" 2)");
}

}  // namespace
}  // namespace edgesweep
