#include "workers/data/augment.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;

/// `count` images whose pixels are all different, from 1 on; targets 100, 101, …
Examples numbered_images(std::int64_t count, ImageShape shape) {
  const std::int64_t features = shape.channels * shape.height * shape.width;
  Examples examples;
  examples.inputs = at::arange(1, count * features + 1, at::kFloat).view({count, features});
  examples.targets = at::arange(100, 100 + count, at::kFloat).view({count, 1});
  return examples;
}

/// Pixel of the image that the header describes, element by element.
float moved_pixel(const at::Tensor& image, std::int64_t pad, const CropFlip& move, std::int64_t c, std::int64_t y,
                  std::int64_t x) {
  const std::int64_t width = image.size(2);
  const std::int64_t row = y + move.top - pad, column = (move.flip ? width - 1 - x : x) + move.left - pad;
  const bool inside = row >= 0 && row < image.size(1) && column >= 0 && column < width;
  return inside ? image[c][row][column].item<float>() : 0.0F;
}

TEST(CropAndFlip, IsTheSameOnTheCpuByAtenAndByDefinition) {
  for (const ImageShape shape : {ImageShape{3, 6, 5}, ImageShape{1, 4, 9}}) {
    for (const std::int64_t pad : {0, 1, 3}) {
      const Examples examples = numbered_images(4, shape);
      std::vector<std::int64_t> rows;
      std::vector<CropFlip> moves;
      RandomStream stream(7, RandomUse::augmentation, static_cast<std::uint64_t>(pad));
      const auto places = static_cast<std::uint32_t>(2 * pad + 1);
      for (int b = 0; b < 12; ++b) {
        rows.push_back(stream.below(4));
        moves.push_back({stream.below(places), stream.below(places), b % 2 == 0});
      }
      const at::Tensor fast = at::full({12, examples.inputs.size(1)}, -1.0, at::kFloat), slow = fast.clone();
      crop_and_flip_cpu(examples.inputs, shape, pad, rows, moves, fast);
      crop_and_flip_aten(examples.inputs, shape, pad, rows, moves, slow);
      EXPECT_TRUE(at::equal(fast, slow)) << pad;
      const at::Tensor images = examples.inputs.view({4, shape.channels, shape.height, shape.width});
      const at::Tensor out = fast.view({12, shape.channels, shape.height, shape.width});
      for (std::int64_t b = 0; b < 12; ++b) {
        const auto i = static_cast<std::size_t>(b);
        for (std::int64_t c = 0; c < shape.channels; ++c) {
          for (std::int64_t y = 0; y < shape.height; ++y) {
            for (std::int64_t x = 0; x < shape.width; ++x) {
              ASSERT_EQ(out[b][c][y][x].item<float>(), moved_pixel(images[rows[i]], pad, moves[i], c, y, x));
            }
          }
        }
      }
    }
  }
}

TEST(AugmentedBatch, DrawsEveryCropAndFlipEquallyOften) {
  const ImageShape shape{1, 3, 3};
  const Examples examples = numbered_images(1, shape);
  AugmentedBatch batch({1, true}, shape, examples, 5, 100);
  const std::vector<std::int64_t> rows(100, 0);
  std::array<int, 18> seen{};
  int both_flipped = 0;
  for (std::int64_t step = 0; step < 180; ++step) {
    batch.draw(step, rows);
    const float* image = batch.examples().inputs.data_ptr<float>();
    bool flipped = false, last = false;
    for (int b = 0; b < 100; ++b, image += 9) {
      // The middle stays under a flip and shows which pixel, 1 to 9, is there; rows grow from left to right.
      flipped = image[3] > image[5];
      if (b % 2 == 1 && flipped && last) ++both_flipped;
      last = flipped;
      ++seen[static_cast<std::size_t>(2 * (static_cast<int>(image[4]) - 1) + (flipped ? 1 : 0))];
    }
  }
  // 18,000 draws of probability 1/18: 1000 ± 31; 9000 pairs of probability 1/4: 2250 ± 41. Five deviations.
  for (const int count : seen) EXPECT_NEAR(count, 1000, 155);
  EXPECT_NEAR(both_flipped, 2250, 205);
}

TEST(AugmentedBatch, DependsOnKeyStepAndRowsAlone) {
  const ImageShape shape{3, 8, 8};
  const Examples examples = numbered_images(6, shape);
  const std::vector<std::int64_t> rows{4, 1, 5}, others{0, 2, 3};
  AugmentedBatch batch({2, true}, shape, examples, 11, 3);
  batch.draw(7, rows);
  const at::Tensor first = batch.examples().inputs.clone();
  EXPECT_TRUE(at::equal(batch.examples().targets.flatten(), at::tensor({104.0F, 101.0F, 105.0F})));
  batch.draw(8, rows);
  EXPECT_FALSE(at::equal(batch.examples().inputs, first)) << "another step moves images elsewhere";
  batch.draw(3, others);
  const auto all = batch.draw(7, rows);
  EXPECT_TRUE(at::equal(batch.examples().inputs, first));
  EXPECT_EQ(std::vector<std::int64_t>(all.begin(), all.end()), (std::vector<std::int64_t>{0, 1, 2}));
  AugmentedBatch same({2, true}, shape, examples, 11, 3), other_key({2, true}, shape, examples, 12, 3);
  same.draw(7, rows);
  other_key.draw(7, rows);
  EXPECT_TRUE(at::equal(same.examples().inputs, first));
  EXPECT_FALSE(at::equal(other_key.examples().inputs, first));
}

TEST(AugmentedBatch, OnlyFlipsWithoutACrop) {
  const ImageShape shape{2, 2, 3};
  const Examples examples = numbered_images(1, shape);
  const at::Tensor image = examples.inputs.view({2, 2, 3});
  AugmentedBatch batch({0, true}, shape, examples, 1, 20);
  batch.draw(0, std::vector<std::int64_t>(20, 0));
  int flipped = 0;
  for (std::int64_t b = 0; b < 20; ++b) {
    const at::Tensor out = batch.examples().inputs[b].view({2, 2, 3});
    const bool plain = at::equal(out, image);
    EXPECT_TRUE(plain || at::equal(out, image.flip(2)));
    flipped += plain ? 0 : 1;
  }
  EXPECT_GT(flipped, 0);
  EXPECT_LT(flipped, 20);
}

Json canonical(const Json& augment, const std::string& name = "cifar10") {
  const Json settings = {{"name", name}, {"augment", augment}};
  return dataset_family(name).canonical(ObjectReader(settings, "sweep.json", "experiment.dataset"));
}

std::string error_of(const Json& augment) {
  try {
    canonical(augment);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

// Canonical forms are part of trial keys: a trial without augmentation must keep its own.
TEST(Augment, IsInTheCanonicalFormOnlyWhereItChangesSomething) {
  for (const char* text : {"{}", R"({"crop": 0})", R"({"crop": 0, "flip": false})"}) {
    const Json off = canonical(Json::parse(text));
    EXPECT_FALSE(off.contains("augment")) << text;
    EXPECT_EQ(make_augmented_batch(off, {}, 1, 4), nullptr);
  }
  EXPECT_EQ(canonical({{"crop", 4}}).at("augment"), Json::parse(R"({"crop": 4, "flip": false})"));
  EXPECT_EQ(canonical({{"flip", true}}, "mnist").at("augment"), Json::parse(R"({"crop": 0, "flip": true})"));
  const Json on = canonical({{"crop", 4}, {"flip", true}});
  EXPECT_EQ(dataset_family("cifar10").canonical(ObjectReader(on, "sweep.json", "experiment.dataset")), on);
}

TEST(Augment, NamesThePathOfAnImpossibleSetting) {
  EXPECT_THAT(error_of({{"crop", 32}}), HasSubstr("experiment.dataset.augment.crop: is 32; must be an integer from 0 to 31"));
  EXPECT_THAT(error_of({{"flip", 1}}), HasSubstr("experiment.dataset.augment.flip: is 1; must be true or false"));
  EXPECT_THAT(error_of({{"rotate", 5}}), HasSubstr("experiment.dataset.augment.rotate: unknown key; allowed are crop, flip"));
  EXPECT_THAT(error_of(true), HasSubstr("experiment.dataset.augment: is true; must be an object"));
}

}  // namespace
}  // namespace edgesweep
