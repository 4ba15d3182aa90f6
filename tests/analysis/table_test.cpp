#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>

#include "analysis/export.hpp"
#include "analysis/table_grid.hpp"
#include "analysis/table_text.hpp"
#include "analysis/trajectories.hpp"
#include "engine/base/error.hpp"
#include "engine/base/json.hpp"
#include "tests/analysis/synthetic_sweep.hpp"

namespace edgesweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Table small_table() {
  return {"small",
          {{"batch", {2, 8}, "B"}, {"point", {0, 1}, "index"}},
          {{"eta", "1", "rate", 2},
           {"edge", "1", "per batch", 1},
           {"n", "1", "count", 2},
           {"status", "1", "status", 2, {"good", "bad, \"very\""}}},
          {{std::int64_t{2}, std::int64_t{0}, 0.1, 2.0, std::int64_t{7}, std::string("good")},
           {std::int64_t{2}, std::int64_t{1}, kNan, 2.0, std::int64_t{8}, std::string("bad, \"very\"")},
           {std::int64_t{8}, std::int64_t{1}, kInfinity, 3.0, std::int64_t{9}, std::string("good")}}};
}

TEST(NumberText, ReadsBackAsTheSameDouble) {
  for (const double value :
       {0.1, 1.0 / 3, std::numbers::pi * 1e-300, 5e-324, 1.7976931348623157e308, -2.5, 1e15, 123456789.0}) {
    EXPECT_EQ(std::strtod(number_text(value).c_str(), nullptr), value) << number_text(value);
  }
}

TEST(NumberText, WritesWholeNumbersWithoutExponent) {
  EXPECT_EQ(number_text(100000), "100000");
  EXPECT_EQ(number_text(0), "0");
}

TEST(NumberText, NamesWhatIsNoNumberAsPandasReadsIt) {
  EXPECT_EQ(number_text(kNan), "NaN");
  EXPECT_EQ(number_text(kInfinity), "inf");
  EXPECT_EQ(number_text(-kInfinity), "-inf");
}

TEST(Csv, FollowsRfc4180) {
  EXPECT_EQ(csv_text(small_table()),
            "batch,point,eta,edge,n,status\r\n"
            "2,0,0.1,2,7,good\r\n"
            "2,1,NaN,2,8,\"bad, \"\"very\"\"\"\r\n"
            "8,1,inf,3,9,good\r\n");
}

TEST(JsonText, WritesNullForNanAndInfForInfinity) {
  const Json document = Json::parse(json_text(small_table()));
  EXPECT_EQ(document["table"], "small");
  EXPECT_EQ(document["columns"][2], "eta");
  EXPECT_EQ(document["rows"][0][2], 0.1);
  EXPECT_TRUE(document["rows"][1][2].is_null());
  EXPECT_EQ(document["rows"][2][2], "inf");
  EXPECT_EQ(document["rows"][2][4], 9);
}

TEST(Grid, PutsEachRowAtItsPlaceAndFillsTheRest) {
  const TableFile file = table_grid(small_table());
  ASSERT_EQ(file.variables.size(), 6u);
  EXPECT_EQ(file.coordinates, "eta");
  EXPECT_EQ(file.variables[0].integers, (std::vector<std::int64_t>{2, 8}));
  const TableVariable& eta = file.variables[2];
  EXPECT_EQ(eta.dimensions, (std::vector<std::string>{"batch", "point"}));
  EXPECT_EQ(eta.reals[0], 0.1);
  EXPECT_TRUE(std::isnan(eta.reals[1]) && std::isnan(eta.reals[2]));
  EXPECT_EQ(eta.reals[3], kInfinity);
  EXPECT_EQ(file.variables[3].dimensions, (std::vector<std::string>{"batch"}));
  EXPECT_EQ(file.variables[3].reals, (std::vector<double>{2, 3}));
  EXPECT_EQ(file.variables[4].integers, (std::vector<std::int64_t>{7, 8, 0, 9}));
  EXPECT_EQ(file.variables[5].integers, (std::vector<std::int64_t>{0, 1, -1, 0}));
}

TEST(TrajectoriesTable, HasOneRowARecordWithEveryColumn) {
  const SweepData data = synthetic_sweep();
  const Table table = trajectories_table(data);
  std::size_t records = 0;
  for (const CellData& cell : data.cells) {
    for (const TrialData& trial : cell.trials) records += static_cast<std::size_t>(trial.records);
  }
  EXPECT_EQ(table.rows.size(), records);
  EXPECT_EQ(table.header().size(), 4 + 3 + data.columns.size());
  for (const auto& row : table.rows) ASSERT_EQ(row.size(), table.header().size());
  EXPECT_EQ(std::get<std::string>(table.rows.front()[6]), "done");
}

TEST(TrajectoriesTable, GridHasCoordinatesOverBatchAndPoint) {
  const SweepData data = synthetic_sweep();
  const TableFile file = table_grid(trajectories_table(data));
  EXPECT_EQ(file.coordinates, "eta eta_over_batch");
  EXPECT_EQ(file.variables[4].reals.size(), 8u * 10u);             // eta
  EXPECT_EQ(file.variables[6].integers.size(), 8u * 10u * 3u);     // status
  EXPECT_EQ(file.variables[7].reals.size(), 8u * 10u * 3u * 40u);  // step
  EXPECT_EQ(file.variables[4].reals[0], data.cells[0].eta);
}

TEST(MakeTable, RefusesAnUnknownName) {
  EXPECT_THROW(make_table(synthetic_sweep(), "nothing"), InputError);
}

}  // namespace
}  // namespace edgesweep
