#include "engine/store/table_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/base/error.hpp"
#include "engine/store/hdf5.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;

TableFile small_table() {
  return {.dimensions = {{"batch", 2}, {"point", 3}},
          .variables = {{"K", {"batch", "point"}, "1", "kernel norm", {6, 5, 4, 3, 2, 1}, {}},
                        {"batch", {"batch"}, "1", "batch size", {}, {1, 4}},
                        {"count", {"point"}, "1", "trials", {}, {7, 8, 9}}},
          .attributes = {{"title", "A table"}, {"note", ""}},
          .coordinates = "count"};
}

TEST(TableFile, HasScalesOnEveryAxis) {
  const sample::Folder folder;
  write_table_file(folder / "t.nc", small_table());
  const hdf5::Reader file(folder / "t.nc");
  EXPECT_THAT(file.datasets(), ElementsAre("batch", "point", "K", "count"));
  EXPECT_THAT(file.dimensions("K"), ElementsAre("batch", "point"));
  EXPECT_THAT(file.integers("point"), ElementsAre(0, 1, 2));
  EXPECT_THAT(file.integers("batch"), ElementsAre(1, 4));
  EXPECT_THAT(file.reals("K"), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_EQ(file.text_attribute("K", "coordinates"), "count");
  EXPECT_EQ(file.text_attribute("count", "coordinates"), std::nullopt);
  EXPECT_EQ(file.text_attribute("", "title"), "A table");
  EXPECT_EQ(file.text_attribute("", "note"), "");
}

TEST(TableFile, ReplacesAFileAsAWhole) {
  const sample::Folder folder;
  std::ofstream(folder / "t.nc") << "old";
  TableFile wrong = small_table();
  wrong.variables[0].reals.pop_back();
  EXPECT_THROW(write_table_file(folder / "t.nc", wrong), SystemError);
  EXPECT_EQ(std::filesystem::file_size(folder / "t.nc"), 3U);
  EXPECT_THAT(folder.names(), ElementsAre("t.nc"));
  write_table_file(folder / "t.nc", small_table());
  EXPECT_GT(std::filesystem::file_size(folder / "t.nc"), 3U);
}

TEST(TableFile, NeedsADirectory) {
  const sample::Folder folder;
  EXPECT_THROW(write_table_file(folder / "none/t.nc", small_table()), InputError);
}

}  // namespace
}  // namespace edgesweep
