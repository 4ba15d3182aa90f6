#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "engine/base/error.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "workers/data/dataset.hpp"
#include "workers/data/selection.hpp"

namespace edgesweep {
namespace {

using edgesweep::testing::TemporaryFolder;
using edgesweep::testing::write_bytes;
using ::testing::HasSubstr;

constexpr std::int64_t records = 10000;
constexpr std::int64_t pixels = 3072;

const DatasetFamily& cifar10() { return dataset_family("cifar10"); }

Json canonical(Json settings) {
  settings["name"] = "cifar10";
  return cifar10().canonical(ObjectReader(settings, "sweep.json", "experiment.dataset"));
}

std::uint8_t made_up_label(std::int64_t row) { return static_cast<std::uint8_t>((7 * row + row / 10) % 10); }
std::uint8_t made_up_pixel(std::int64_t row, std::int64_t pixel) {
  return static_cast<std::uint8_t>((31 * row + 5 * pixel + pixel / 1024) % 256);
}

/// File number `file` of the training set (or the test set's, which goes on counting).
std::vector<std::uint8_t> made_up_file(std::int64_t file) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(static_cast<std::size_t>(records * (1 + pixels)));
  for (std::int64_t row = file * records; row < (file + 1) * records; ++row) {
    bytes.push_back(made_up_label(row));
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) bytes.push_back(made_up_pixel(row, pixel));
  }
  return bytes;
}

void expect_rows(const Examples& examples, const std::vector<std::int64_t>& rows, std::int64_t first) {
  ASSERT_EQ(examples.count(), static_cast<std::int64_t>(rows.size()));
  ASSERT_EQ(examples.inputs.size(1), pixels);
  ASSERT_EQ(examples.targets.size(1), 10);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::int64_t row = first + rows[i];
    EXPECT_EQ(examples.labels[at].item<std::int64_t>(), made_up_label(row));
    EXPECT_EQ(examples.targets[at].argmax().item<std::int64_t>(), made_up_label(row));
    EXPECT_EQ(examples.targets[at].sum().item<float>(), 1);
    for (const std::int64_t pixel : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1024}, pixels - 1}) {
      EXPECT_EQ(examples.inputs[at][pixel].item<float>(), static_cast<float>(made_up_pixel(row, pixel)) / 255.0F);
    }
  }
}

std::string load_error(const Json& settings, const std::string& folder) {
  try {
    cifar10().load(canonical(settings), folder);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Cifar10, WritesOutItsDefaults) {
  EXPECT_EQ(canonical(Json::object()),
            Json::parse(R"({"name": "cifar10", "train": 50000, "test": 10000, "target": "onehot", "preprocess": "none"})"));
  const Json subset = Json::parse(R"({"train": {"count": 7, "seed": 3}, "test": 0})");
  EXPECT_EQ(cifar10().train_count(canonical(subset)), 7);
  EXPECT_EQ(cifar10().outputs(canonical(subset)), 10);
  EXPECT_EQ(cifar10().input_shape(canonical(subset)), (std::vector<std::int64_t>{3, 32, 32}));
  EXPECT_EQ(canonical(canonical(subset)), canonical(subset));
  EXPECT_THROW(canonical({{"train", 50001}}), InputError);
  EXPECT_THROW(canonical({{"target", "parity"}}), InputError);
}

TEST(Cifar10, ReadsTheFirstImagesAndRandomSubsetsFromTheFilesTheyAreIn) {
  const TemporaryFolder folder;
  write_bytes(folder.path() + "/data_batch_1.bin", made_up_file(0));
  const Json first = canonical({{"train", 5}, {"test", 0}});  // the other files are not needed
  cifar10().check(first, folder.path());
  expect_rows(cifar10().load(first, folder.path()).train, {0, 1, 2, 3, 4}, 0);

  for (std::int64_t file = 1; file < 5; ++file) {
    write_bytes(folder.path() + "/data_batch_" + std::to_string(file + 1) + ".bin", made_up_file(file));
  }
  write_bytes(folder.path() + "/test_batch.bin", made_up_file(5));
  const Json random = canonical({{"train", {{"count", 40}, {"seed", 3}}}, {"test", {{"count", 3}, {"seed", 1}}}});
  const TrainTest data = cifar10().load(random, folder.path());
  const auto rows = selected_rows(random.at("train"), 50000);
  EXPECT_LT(rows.front(), records);
  EXPECT_GE(rows.back(), 4 * records);
  expect_rows(data.train, rows, 0);
  expect_rows(data.test, selected_rows(random.at("test"), 10000), 50000);

  // Fitted on all 50,000 images, whichever are chosen.
  const Json fitted = canonical({{"train", 3}, {"test", 2}, {"preprocess", "standardize"}, {"fit", "all"}});
  cifar10().check(fitted, folder.path());
  const TrainTest standardized = cifar10().load(fitted, folder.path());
  for (const std::int64_t pixel : {std::int64_t{0}, std::int64_t{1500}, pixels - 1}) {
    double sum = 0, squares = 0;
    for (std::int64_t row = 0; row < 5 * records; ++row) {
      const double value = made_up_pixel(row, pixel) / 255.0;
      sum += value / (5 * records);
      squares += value * value / (5 * records);
    }
    const double deviation = std::sqrt(squares - sum * sum);
    EXPECT_NEAR(standardized.train.inputs[2][pixel].item<double>(), (made_up_pixel(2, pixel) / 255.0 - sum) / deviation, 1e-6);
    EXPECT_NEAR(standardized.test.inputs[1][pixel].item<double>(),
                (made_up_pixel(5 * records + 1, pixel) / 255.0 - sum) / deviation, 1e-6);
  }
  std::filesystem::remove(folder.path() + "/data_batch_4.bin");
  EXPECT_THROW(cifar10().check(fitted, folder.path()), InputError);
}

TEST(Cifar10, NamesTheFileThatIsMissingCutOrWrong) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/data_batch_1.bin";
  const Json settings = {{"train", 5}, {"test", 0}};
  EXPECT_THAT(load_error(settings, folder.path()), HasSubstr(path + ": is not there"));
  EXPECT_THROW(cifar10().check(canonical(settings), folder.path()), InputError);
  std::vector<std::uint8_t> bytes = made_up_file(0);
  bytes[2 * (1 + pixels)] = 10;
  write_bytes(path, bytes);
  EXPECT_THAT(load_error(settings, folder.path()), HasSubstr(path + ": record 2 has label 10"));
  bytes.pop_back();
  write_bytes(path, bytes);
  EXPECT_THAT(load_error(settings, folder.path()), HasSubstr(path + ": has 30729999 bytes"));
  EXPECT_THROW(cifar10().check(canonical(settings), folder.path()), InputError);
  bytes.resize(4 * (1 + pixels));
  write_bytes(path, bytes);
  EXPECT_THAT(load_error(settings, folder.path()), HasSubstr(path + ": holds 4 images, 5 are needed"));
  EXPECT_THROW(cifar10().check(canonical(settings), folder.path()), InputError);
}

}  // namespace
}  // namespace edgesweep
