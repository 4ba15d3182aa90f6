#include "workers/data/image_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/data/image_files.hpp"
#include "workers/data/image_folder.hpp"
#include "workers/data/image_pack.hpp"

namespace edgesweep {
namespace {

using namespace testing;

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "no error";
}

TEST(CentreCrop, IsWhatResizingAndCuttingLeave) {
  const CropBox box = centre_crop(768, 384, 224, 256);
  EXPECT_DOUBLE_EQ(box.width, 336);
  EXPECT_DOUBLE_EQ(box.height, 336);
  EXPECT_DOUBLE_EQ(box.left, 216);
  EXPECT_DOUBLE_EQ(box.top, 24);
  EXPECT_FALSE(box.flip);
  // 501 × 376 becomes 341 × 256, and 117 / 2 is rounded to even.
  const CropBox uneven = centre_crop(501, 376, 224, 256);
  EXPECT_DOUBLE_EQ(uneven.left, 58 * 501.0 / 341);
  EXPECT_DOUBLE_EQ(uneven.width, 224 * 501.0 / 341);
  EXPECT_DOUBLE_EQ(uneven.top, 16 * 376.0 / 256);
  EXPECT_DOUBLE_EQ(uneven.height, 224 * 376.0 / 256);
}

TEST(RandomResizedCrop, HasAreasShapesAndPlacesAsTheyShouldBe) {
  constexpr int draws = 4000;
  int flips = 0;
  double areas = 0, shapes = 0, left = 0;
  for (int i = 0; i < draws; ++i) {
    RandomStream random(7, RandomUse::image_crop, static_cast<std::uint64_t>(i));
    const CropBox box = random_resized_crop(1000, 1000, 0.25, true, random);
    EXPECT_GE(box.left, 0);
    EXPECT_GE(box.top, 0);
    EXPECT_LE(box.left + box.width, 1000);
    EXPECT_LE(box.top + box.height, 1000);
    EXPECT_NEAR(std::log(box.width / box.height), 0, std::log(4.0 / 3) + 0.01);
    EXPECT_GE(box.width * box.height, 0.249e6);
    areas += box.width * box.height / 1e6 / draws;
    shapes += std::log(box.width / box.height) / draws;
    left += (box.left + box.width / 2) / draws;
    flips += box.flip ? 1 : 0;
    RandomStream again(7, RandomUse::image_crop, static_cast<std::uint64_t>(i));
    EXPECT_EQ(random_resized_crop(1000, 1000, 0.25, true, again).left, box.left);
  }
  // An area a fits with a chance of min(1, −log a / log(4/3)), else another one is drawn: E a = 0.34894 / 0.61903 for a in [1/4, 1].
  EXPECT_NEAR(areas, 0.5637, 0.015);
  EXPECT_NEAR(shapes, 0, 0.02);
  EXPECT_NEAR(left, 500, 10);
  EXPECT_NEAR(flips, draws / 2.0, 4 * std::sqrt(draws / 4.0));
}

TEST(RandomResizedCrop, TakesTheCentreOfImagesThatAreTooNarrow) {
  RandomStream random(7, RandomUse::image_crop, 0);
  const CropBox box = random_resized_crop(1000, 10, 1, false, random);
  EXPECT_DOUBLE_EQ(box.height, 10);
  EXPECT_DOUBLE_EQ(box.width, 40.0 / 3);
  EXPECT_DOUBLE_EQ(box.left, (1000 - 40.0 / 3) / 2);
}

TEST(ImageFolder, TakesTheFirstOfEveryClassThenTheSecond) {
  const TemporaryFolder folder;
  write_split(folder.path(), "train", {2, 1, 3});
  const std::vector<std::string> classes = image_classes(folder.path(), "train");
  EXPECT_EQ(classes, (std::vector<std::string>{"class_0", "class_1", "class_2"}));
  const auto images = open_images(folder.path(), "train", {.wanted = 6, .threads = 3}, classes);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < images->count(); ++i) labels.push_back(images->label(i));
  EXPECT_EQ(labels, (std::vector<std::int64_t>{0, 1, 2, 0, 2, 2}));
  EXPECT_EQ(images->name(4), folder.path() + "/train/class_2/image_1.JPEG");
  EXPECT_EQ(open_images(folder.path(), "train", {.wanted = 4}, classes)->count(), 4);
  EXPECT_EQ(error_of([&] { open_images(folder.path(), "train", {.wanted = 7}, classes); }),
            folder.path() + "/train: has 6 images; the sweep wants 7");
}

TEST(ImageFolder, LeavesBrokenFilesOutOrNamesThem) {
  const TemporaryFolder folder;
  write_split(folder.path(), "train", {2, 2});
  const auto good = made_up_jpeg(9, {50, 40});
  const std::filesystem::path directory = std::filesystem::path(folder.path()) / "train" / "class_0";
  write_bytes(directory / "a.jpg", {});
  write_bytes(directory / "b.JPEG", std::vector<std::uint8_t>(good.begin(), good.end() - static_cast<std::ptrdiff_t>(good.size() / 3)));
  write_bytes(directory / "c.jpeg", {'n', 'o'});
  write_bytes(directory / "notes.txt", {'n', 'o'});
  auto longer = good;  // bytes beyond the end are forgiven
  longer.insert(longer.end(), 5, 0);
  write_bytes(directory / "d.JPG", longer);
  const auto images = open_images(folder.path(), "train", {.wanted = 5, .report = false}, {"class_0", "class_1"});
  std::set<std::string> names;
  for (std::int64_t i = 0; i < images->count(); ++i) names.insert(std::filesystem::path(images->name(i)).filename());
  EXPECT_EQ(names, (std::set<std::string>{"d.JPG", "image_0.JPEG", "image_1.JPEG"}));
  EXPECT_EQ(error_of([&] {
              open_images(folder.path(), "train", {.wanted = 5, .broken = BrokenFiles::error}, {"class_0", "class_1"});
            }),
            folder.path() + "/train/class_0/a.jpg: is empty");
  EXPECT_NE(error_of([&] { open_images(folder.path(), "train", {.wanted = 6, .report = false}, {"class_0", "class_1"}); })
                .find("has 5 images and 3 broken files; the sweep wants 6"),
            std::string::npos);
}

TEST(ImageFolder, RefusesFoldersThatAreNotThere) {
  const TemporaryFolder folder;
  EXPECT_NE(error_of([&] { image_classes(folder.path(), "train"); }).find("/train: can't be read: No such file"), std::string::npos);
  std::filesystem::create_directories(folder.path() + "/train");
  EXPECT_NE(error_of([&] { image_classes(folder.path(), "train"); }).find("has no folders"), std::string::npos);
  write_split(folder.path(), "val", {1, 1});
  EXPECT_NE(error_of([&] { open_images(folder.path(), "val", {.wanted = 1}, {"class_1"}); }).find("class_0: is a class that"),
            std::string::npos);
  EXPECT_EQ(open_images(folder.path(), "val", {.wanted = 2}, {"class_-", "class_0", "class_1"})->label(0), 1);
}

class Pack : public ::testing::Test {
 protected:
  Pack() {
    write_split(folder_.path(), "train", {2, 3});
    pack_ = pack_path(folder_.path(), "train");
  }

  std::vector<std::uint8_t> content() const {
    std::ifstream file(pack_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const TemporaryFolder folder_;
  std::string pack_;
};

TEST_F(Pack, HoldsTheBytesOfItsFolderInItsOrder) {
  const auto files = open_images(folder_.path(), "train", {.wanted = 5}, {"class_0", "class_1"});
  const PackReport report = pack_folder(folder_.path() + "/train", pack_, {.threads = 3});
  EXPECT_EQ(report.images, 5);
  EXPECT_EQ(report.bytes, static_cast<std::int64_t>(std::filesystem::file_size(pack_)));
  std::filesystem::remove_all(folder_.path() + "/train");
  EXPECT_EQ(image_classes(folder_.path(), "train"), (std::vector<std::string>{"class_0", "class_1"}));
  const auto packed = open_images(folder_.path(), "train", {.wanted = 4}, {"class_0", "class_00", "class_1"});
  ASSERT_EQ(packed->count(), 5);
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(packed->label(i), files->label(i) == 0 ? 0 : 2);
    EXPECT_NE(packed->name(i).find("image_"), std::string::npos);
  }
  EXPECT_EQ(packed->bytes(4), made_up_jpeg(4, {40 + 7 * 4, 33 + 5 * 4}));
  EXPECT_NE(error_of([&] { open_images(folder_.path(), "train", {.wanted = 6}, {"class_0", "class_1"}); })
                .find("has 5 images; the sweep wants 6"),
            std::string::npos);
  EXPECT_NE(error_of([&] { open_images(folder_.path(), "train", {.wanted = 1}, {"class_0"}); }).find("class_1"), std::string::npos);
}

TEST_F(Pack, MakesLargerImagesSmaller) {
  pack_folder(folder_.path() + "/train", pack_, {.side = 35, .quality = 90});
  const auto packed = open_images(folder_.path(), "train", {.wanted = 5}, {"class_0", "class_1"});
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto bytes = packed->bytes(i);
    const std::string name = packed->name(i);
    const PixelSize size = JpegDecoder(bytes, name).size();
    EXPECT_LE(std::min(size.width, size.height), 35);
    EXPECT_GE(std::max(size.width, size.height), 35);
  }
}

TEST_F(Pack, IsRefusedWhereItIsTornOrAltered) {
  pack_folder(folder_.path() + "/train", pack_, {});
  const auto whole = content();
  const auto opens = [&](const std::vector<std::uint8_t>& bytes) {
    write_bytes(pack_, bytes);
    return error_of([&] { open_images(folder_.path(), "train", {.wanted = 5}, {"class_0", "class_1"}); });
  };
  for (std::size_t length : {std::size_t{0}, std::size_t{20}, whole.size() / 2, whole.size() - 1}) {
    EXPECT_NE(opens({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}).find("is no whole pack of images"), std::string::npos);
  }
  for (const std::size_t from_end : {std::size_t{3}, std::size_t{50}, std::size_t{90}, std::size_t{150}}) {
    auto altered = whole;
    altered[altered.size() - from_end] ^= 0x40;
    EXPECT_NE(opens(altered).find("is no whole pack of images"), std::string::npos) << from_end;
  }
  EXPECT_EQ(opens(whole), "no error");
}

}  // namespace
}  // namespace edgesweep
