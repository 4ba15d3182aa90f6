#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <filesystem>

#include "engine/base/error.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "workers/data/dataset.hpp"

namespace edgesweep {
namespace {

using edgesweep::testing::TemporaryFolder;
using edgesweep::testing::write_bytes;
using ::testing::HasSubstr;

/// The same row of another file has another label.
std::uint8_t made_up_label(std::int64_t row) { return static_cast<std::uint8_t>((7 * row + row / 10000) % 10); }
/// Uneven in the colour (0 red, 1 green, 2 blue) and in the pixel, by rows of the image.
std::uint8_t made_up_value(std::int64_t row, std::int64_t pixel, std::int64_t colour) {
  return static_cast<std::uint8_t>((31 * row + 5 * pixel + pixel / 32 + 101 * colour) % 256);
}

void write_text(const std::string& path, const std::string& text) { write_bytes(path, {text.begin(), text.end()}); }

void write_png(const std::string& path, std::int64_t width, std::int64_t height, png_uint_32 format,
               const std::vector<std::uint8_t>& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = format;
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr), 0) << image.message;
}

/// `count` made-up images from `first` on, as STEM.png or as STEM.bin.
void write_images(const std::string& stem, bool as_png, std::int64_t first, std::int64_t count) {
  std::vector<std::uint8_t> bytes;
  for (std::int64_t row = first; row < first + count; ++row) {
    if (!as_png) bytes.push_back(made_up_label(row));
    for (std::int64_t i = 0; i < 3072; ++i) {
      bytes.push_back(as_png ? made_up_value(row, i / 3, i % 3) : made_up_value(row, i % 1024, i / 1024));
    }
  }
  if (as_png) {
    write_png(stem + ".png", 1024, count, PNG_FORMAT_RGB, bytes);
  } else {
    write_bytes(stem + ".bin", bytes);
  }
}

void write_labels(const std::string& path, std::int64_t first, std::int64_t count) {
  Json labels = Json::array();
  for (std::int64_t row = first; row < first + count; ++row) labels.push_back(made_up_label(row));
  write_text(path, labels.dump());
}

const DatasetFamily& cifar10() { return dataset_family("cifar10"); }

Json canonical(Json settings) {
  settings["name"] = "cifar10";
  return cifar10().canonical(ObjectReader(settings, "sweep.json", "experiment.dataset"));
}

std::string error_of(const std::string& folder) {
  const Json settings = canonical({{"train", 3}, {"test", 0}});
  try {
    cifar10().check(settings, folder);
    cifar10().load(settings, folder);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Cifar10Png, GivesTheImagesOfTheBinaryVersion) {
  const TemporaryFolder png, binary;
  for (const bool as_png : {true, false}) {
    const std::string folder = (as_png ? png : binary).path();
    write_images(folder + "/data_batch_1", as_png, 0, 10000);
    write_images(folder + "/data_batch_2", as_png, 10000, 4);
    write_images(folder + "/test_batch", as_png, 50000, 5);
  }
  write_labels(png.path() + "/train_lables.json", 0, 10004);
  write_labels(png.path() + "/test_lables.json", 50000, 5);
  const Json settings = canonical({{"train", 10003}, {"test", 4}});
  cifar10().check(settings, png.path());
  const TrainTest a = cifar10().load(settings, png.path()), b = cifar10().load(settings, binary.path());
  EXPECT_TRUE(at::equal(a.train.inputs, b.train.inputs));
  EXPECT_TRUE(at::equal(a.train.labels, b.train.labels));
  EXPECT_TRUE(at::equal(a.train.targets, b.train.targets));
  EXPECT_TRUE(at::equal(a.test.inputs, b.test.inputs));
  EXPECT_TRUE(at::equal(a.test.labels, b.test.labels));
  EXPECT_EQ(a.train.inputs[10002][1024 + 33].item<float>(), static_cast<float>(made_up_value(10002, 33, 1)) / 255.0F);
}

TEST(Cifar10Png, IsReadWhereTheBinaryVersionIsNot) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(folder.path()), HasSubstr("data_batch_1.bin: is not there"));
  write_images(folder.path() + "/data_batch_1", true, 0, 3);
  write_labels(folder.path() + "/train_lables.json", 0, 3);
  const Json settings = canonical({{"train", 3}, {"test", 0}});
  EXPECT_EQ(cifar10().load(settings, folder.path()).train.labels[1].item<std::int64_t>(), made_up_label(1));
  write_images(folder.path() + "/data_batch_1", false, 100, 3);
  EXPECT_EQ(cifar10().load(settings, folder.path()).train.labels[1].item<std::int64_t>(), made_up_label(101));
}

TEST(Cifar10Png, NamesTheFileThatIsMissingCutOrWrong) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/data_batch_1.png", labels = folder.path() + "/train_lables.json";
  write_images(folder.path() + "/data_batch_1", true, 0, 3);
  EXPECT_THAT(error_of(folder.path()), HasSubstr(labels + ": is not there"));
  write_text(labels, "[1, 2]");
  EXPECT_THAT(error_of(folder.path()), HasSubstr(labels + ": is not a JSON list of 3 labels or more"));
  write_text(labels, "[1, 2");
  EXPECT_THAT(error_of(folder.path()), HasSubstr(labels + ": is not a JSON list"));
  write_text(labels, "[1, 2, 10]");
  EXPECT_THAT(error_of(folder.path()), HasSubstr(labels + ": label 2 is 10, not 0 to 9"));
  write_text(labels, "[1, \"2\", 3]");
  EXPECT_THAT(error_of(folder.path()), HasSubstr(labels + ": label 1 is \"2\", not 0 to 9"));
  write_labels(labels, 0, 3);
  EXPECT_EQ(error_of(folder.path()), "no error");

  write_images(folder.path() + "/data_batch_1", true, 0, 2);
  EXPECT_THAT(error_of(folder.path()), HasSubstr(path + ": holds 2 images, 3 are needed"));
  write_png(path, 1024, 3, PNG_FORMAT_RGBA, std::vector<std::uint8_t>(1024 * 3 * 4, 9));
  EXPECT_THAT(error_of(folder.path()), HasSubstr(path + ": is a PNG of another kind"));
  write_png(path, 32, 3, PNG_FORMAT_RGB, std::vector<std::uint8_t>(32 * 3 * 3, 9));
  EXPECT_THAT(error_of(folder.path()), HasSubstr(path + ": is 32 pixels wide; expected 1024"));
  write_images(folder.path() + "/data_batch_1", true, 0, 3);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(error_of(folder.path()), HasSubstr(path + ": can't be read as a PNG: "));
  write_text(path, "no PNG");
  EXPECT_THAT(error_of(folder.path()), HasSubstr(path + ": can't be read as a PNG: "));
}

}  // namespace
}  // namespace edgesweep
