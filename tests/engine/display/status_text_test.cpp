#include "engine/display/status_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "engine/display/cell_table.hpp"
#include "engine/display/failure_text.hpp"
#include "engine/display/text_block.hpp"
#include "engine/display/worker_table.hpp"

namespace edgesweep {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Json counts(int pending, int running, int done, int diverged, int failed) {
  return {{"pending", pending}, {"running", running}, {"done", done}, {"diverged", diverged}, {"failed", failed}};
}

Json cell(int batch, double eta, const Json& of, int records, int total) {
  return {{"batch", batch}, {"point", 0}, {"eta", eta}, {"counts", of}, {"records", records}, {"records_total", total}};
}

/// Two batch sizes with one cell of every kind; the second has fewer.
Json cells() {
  return {cell(1, 0.01, counts(0, 0, 2, 0, 0), 40, 40), cell(1, 0.02, counts(0, 0, 1, 1, 0), 25, 25),
          cell(1, 0.04, counts(0, 0, 0, 2, 0), 9, 9),   cell(1, 0.08, counts(1, 1, 0, 0, 0), 18, 40),
          cell(1, 0.16, counts(1, 0, 1, 0, 0), 20, 40), cell(1, 0.32, counts(2, 0, 0, 0, 0), 0, 40),
          cell(64, 0.5, counts(0, 0, 1, 0, 1), 21, 40), cell(64, 1, counts(0, 0, 0, 0, 0), 0, 0)};
}

Json running_worker(int rank, double seconds) {
  return {{"rank", rank},   {"state", "running"}, {"seconds", seconds},    {"trial", rank},    {"batch", 8},
          {"point", 3},     {"eta", 0.0123456},   {"seed", 0},             {"attempt", 1},     {"step", 1234},
          {"steps", 37500}, {"records", 12},      {"records_total", 60},   {"seconds_left", 65.0}};
}

Json status_of(const Json& grid) {
  return {{"name", "tiny"},
          {"time", "2026-01-31T12:00:00Z"},
          {"state", "running"},
          {"owned", true},
          {"owner", {{"host", "node7"}, {"pid", 4321}, {"since", "2026-01-31T11:00:00Z"}}},
          {"run", {{"elapsed_seconds", 130.0}, {"age_seconds", 1.0}, {"stopping", false}, {"records_per_second", 31.4},
                   {"trials_per_hour", 212.0}, {"seconds_left", 220.0}}},
          {"workers", {running_worker(1, 10)}},
          {"shard", ""},
          {"trials", 14},
          {"counts", counts(4, 1, 5, 3, 1)},
          {"records", {{"done", 133}, {"total", 234}}},
          {"wall_seconds", 77.0},
          {"cells", grid},
          {"failures", Json::array()},
          {"incidents", Json::array()}};
}

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    most = std::max(most, line.size());
  }
  return most;
}

Json grid(int batches, int points) {
  Json all = Json::array();
  for (int b = 0; b < batches; ++b) {
    for (int p = 0; p < points; ++p) {
      all.push_back(cell(1 << std::min(b, 12), 9.5e-5 * std::pow(1.3, p), counts(0, 1, 0, 0, 0), 9, 20));
    }
  }
  return all;
}

TEST(CellTable, ShowsStateAndProgressOfEachCell) {
  EXPECT_THAT(cell_table(cells(), true, 80), StartsWith(" B         eta\n"
                                                        " 1  0.01..0.32     #   %   x >45 -50   .  57%\n"
                                                        "64      0.5..1     F                      52%\n"));
}

TEST(CellTable, ExplainsTheMarksThatItHas) {
  EXPECT_THAT(cell_table(cells(), true, 80), EndsWith("57%\n"
                                                      "64      0.5..1     F                      52%\n"
                                                      "# done  x diverged  % both  . pending  >45 running, 45 % recorded\n"
                                                      "-45 to go on with  F failed\n"));
  EXPECT_THAT(cell_table(grid(2, 16), true, 80), EndsWith("%\n>4 running, over 40 % recorded\n"));
}

TEST(CellTable, WithoutAnOwnerNothingRuns) { EXPECT_THAT(cell_table(cells(), false, 80), HasSubstr("x -45 -50   .")); }

TEST(CellTable, NeverClaimsThatAllIsRecordedWhileATrialRuns) {
  const Json last = {cell(1, 0.1, counts(0, 1, 0, 0, 0), 40, 40)};
  EXPECT_THAT(cell_table(last, true, 80), HasSubstr(">99  99%"));
}

TEST(CellTable, FitsTheWidthWhateverTheGrid) {
  for (const std::size_t width : {60, 80, 132}) {
    for (const int points : {1, 5, 12, 13, 20, 40, 60, 100, 1000}) {
      EXPECT_LE(widest(cell_table(grid(20, points), true, width)), width) << points;
    }
  }
  EXPECT_THAT(cell_table(grid(1, 100), true, 80), HasSubstr("each mark stands for 2 learning rates"));
}

TEST(WorkerTable, ListsTheLongestFirstAndCountsTheRest) {
  Json workers = Json::array();
  for (int rank = 1; rank <= 1000; ++rank) {
    workers.push_back(running_worker(rank, rank));
  }
  workers[4] = {{"rank", 5}, {"state", "lost"}, {"seconds", 3.0}};
  workers[6] = {{"rank", 7}, {"state", "idle"}, {"seconds", 5000.0}};
  const std::string text = worker_table(workers, 24);
  EXPECT_EQ(line_count(text), 26U);
  EXPECT_LE(widest(text), 80U);
  EXPECT_THAT(text, HasSubstr("seed   record             step         for        left\n"
                              "     5  lost for 3 s\n"
                              "  1000       8    0.01235    0    12/60       1234/37500 16 min 40 s  1 min 05 s\n"
                              "   999 "));
  EXPECT_THAT(text, HasSubstr("... and 976 more"));
  EXPECT_THAT(worker_table(Json::array({workers[6]}), 24), HasSubstr("7  idle for 1 h 23 min"));
  EXPECT_EQ(worker_table(Json::array(), 24), "");
}

TEST(FailureText, GroupsTrialsByReason) {
  Json status = status_of(cells());
  for (int trial = 0; trial < 9; ++trial) {
    status["failures"].push_back({{"trial", trial}, {"batch", 64}, {"eta", 0.5}, {"seed", trial}, {"attempts", 3},
                                  {"reason", trial == 4 ? "another" : "CUDA out of memory"}});
  }
  status["failures"][4]["attempts"] = 1;
  status["incidents"] = {{{"time", "2026-01-31T11:50:00Z"}, {"event", "failed"}, {"reason", "x"}, {"trial", 4}, {"batch", 64}, {"eta", 0.5}, {"seed", 4}},
                         {{"time", "2026-01-31T11:58:00Z"}, {"event", "failed"}, {"reason", "killed"}, {"trial", 20}, {"batch", 1}, {"eta", 0.25}, {"seed", 0}, {"rank", 2}},
                         {{"time", "2026-01-31T11:59:00Z"}, {"event", "stopped"}, {"reason", ""}},
                         {{"time", "2026-01-31T11:59:30Z"}, {"event", "reopened"}, {"reason", "2 workers"}}};
  EXPECT_EQ(failure_text(status, 80),
            "\n"
            "failed, 3 attempts: CUDA out of memory\n"
            "  B=64 eta=0.5 seed 0, B=64 eta=0.5 seed 1, B=64 eta=0.5 seed 2,\n"
            "  B=64 eta=0.5 seed 3, B=64 eta=0.5 seed 5, B=64 eta=0.5 seed 6, ... and 2 more\n"
            "failed, 1 attempt: another\n"
            "  B=64 eta=0.5 seed 4\n"
            "\n"
            "2 min 00 s ago: B=1 eta=0.25 seed 0 failed on worker 2: killed\n"
            "1 min 00 s ago: stopped\n"
            "30 s ago: went on with 2 workers\n");
  EXPECT_EQ(failure_text(status_of(cells()), 80), "");
}

TEST(StatusText, SaysHowTheSweepStands) {
  Json status = status_of(cells());
  EXPECT_THAT(status_text(status, {}), StartsWith("tiny: running for 2 min 10 s, 3 min 40 s left\n"
                                                  "trials   ["));
  EXPECT_THAT(status_text(status, {}), HasSubstr("]  9 of 14\n"
                                                 "         5 done, 3 diverged, 1 running, 4 pending, 1 failed\n"
                                                 "records  133 of 234 (56.8 %), 31.4 a second, 212.0 trials an hour\n"));
  EXPECT_LE(widest(status_text(status, {})), 80U);
  status["run"]["seconds_left"] = nullptr;
  status["run"]["records_per_second"] = nullptr;
  EXPECT_THAT(status_text(status, {}), HasSubstr("time left unknown until a trial has finished"));
  status["run"]["age_seconds"] = 200.0;
  EXPECT_THAT(status_text(status, {}), HasSubstr("process 4321 on node7 has said nothing for 3 min 20 s"));
  status["run"]["stopping"] = true;
  EXPECT_THAT(status_text(status, {}), HasSubstr("stopping after 2 min 10 s"));
  status["run"] = nullptr;
  status["workers"] = Json::array();
  EXPECT_THAT(status_text(status, {}), HasSubstr("owned by process 4321 on node7"));
  status["owner"]["host"] = "";
  EXPECT_THAT(status_text(status, {}), HasSubstr("damaged lock"));
  status["owned"] = false;
  status["state"] = "incomplete";
  EXPECT_THAT(status_text(status, {}), HasSubstr("tiny: nobody runs it; go on with --resume"));
  EXPECT_THAT(status_text(status, {}), HasSubstr("1 interrupted"));
  EXPECT_THAT(status_text(status, {}), Not(HasSubstr("worker")));
  status["state"] = "failed";
  EXPECT_THAT(status_text(status, {}), HasSubstr("ended, 1 failed; --resume tries them again"));
  status["state"] = "done";
  status["shard"] = "2/3";
  EXPECT_THAT(status_text(status, {}), StartsWith("tiny, shard 2/3: done, 1 min 17 s of training\n"));
}

TEST(StatusText, TheBarShowsWhatThereIsHoweverLittle) {
  Json status = status_of(cells());
  status["trials"] = 100000;
  status["counts"] = counts(99990, 2, 7, 0, 1);
  EXPECT_THAT(status_text(status, {.width = 50}), HasSubstr("trials   [#F>.......................]  8 of 100000\n"));
  status["counts"] = counts(1, 0, 99999, 0, 0);
  EXPECT_THAT(status_text(status, {.width = 50}), HasSubstr("[#####################.]  99999 of 100000\n"));
}

TEST(StatusText, AScreenIsNeverOverfull) {
  Json status = status_of(grid(20, 100));
  status["workers"] = Json::array();
  for (int rank = 1; rank <= 1000; ++rank) {
    status["workers"].push_back(running_worker(rank, rank));
  }
  status["failures"] = {{{"trial", 1}, {"batch", 64}, {"eta", 0.5}, {"seed", 1}, {"attempts", 3}, {"reason", std::string(300, 'x')}}};
  for (const std::size_t height : {10, 24, 40, 60}) {
    const std::string text = status_text(status, {80, height});
    EXPECT_LE(line_count(text), height);
    EXPECT_LE(widest(text), 80U);
    EXPECT_EQ(height >= 40, text.find("failed, 3 attempts") != std::string::npos);
  }
  EXPECT_EQ(line_count(status_text(status, {80, 60})), 60U) << "room is used for workers";
  EXPECT_THAT(status_text(status, {}), HasSubstr(std::string(300, 'x'))) << "reasons are whole where there is room";
}

TEST(StatusText, ASweepWithoutTrialsOrRecordsHasAText) {
  Json status = status_of(Json::array());
  status["trials"] = 0;
  status["counts"] = counts(0, 0, 0, 0, 0);
  status["records"] = {{"done", 0}, {"total", 0}};
  EXPECT_THAT(status_text(status, {}), HasSubstr("0 of 0 (100.0 %)"));
}

TEST(StatusLine, IsOneLine) {
  EXPECT_EQ(status_line(status_of(cells())),
            "tiny: running for 2 min 10 s, 3 min 40 s left; 9/14 trials (5 done, 3 diverged, 1 running, 4 pending, 1 failed), "
            "records 133 of 234 (56.8 %), 31.4 a second, 212.0 trials an hour");
}

}  // namespace
}  // namespace edgesweep
