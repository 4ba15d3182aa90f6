#include "workers/data/image_stream.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/workers/data/idx_writer.hpp"
#include "tests/workers/data/image_files.hpp"
#include "workers/data/sampler.hpp"

namespace edgesweep {
namespace {

using namespace testing;

constexpr std::int64_t size = 16, images = 11, classes = 3, batch_size = 4;

class ImageStreams : public ::testing::Test {
 protected:
  ImageStreams() { write_split(folder_.path(), "train", {4, 4, 3}); }

  std::shared_ptr<const ImageSet> open() const {
    return open_images(folder_.path(), "train", {.wanted = images}, image_classes(folder_.path(), "train"));
  }

  std::shared_ptr<const StreamedExamples> stream(bool augment, int threads) const {
    return stream_images(open(), images, classes, {.size = size, .resize = 18, .augment = augment, .min_area = 0.2}, threads);
  }

  /// Inputs of an image as the header says, by the centre.
  at::Tensor centre(std::int64_t image) const {
    std::vector<std::uint8_t> planes(3 * size * size);
    open()->read(image, [](std::int64_t w, std::int64_t h) { return centre_crop(w, h, size, 18); }, size, planes.data());
    const at::Tensor pixels = at::tensor(at::ArrayRef<std::uint8_t>(planes.data(), planes.size())).to(at::kDouble).view({3, -1}) / 255;
    const at::Tensor mean = at::tensor({0.485, 0.456, 0.406}, at::kDouble).view({3, 1}), std = at::tensor({0.229, 0.224, 0.225}, at::kDouble).view({3, 1});
    return ((pixels - mean) / std).flatten();
  }

  const TemporaryFolder folder_;
};

TEST_F(ImageStreams, GiveAllExamplesInOrder) {
  for (const std::int64_t rows : {1, 4, 11, 50}) {
    std::int64_t first = 0;
    stream(true, 2)->for_each_block(rows, {}, [&](const Examples& block) {
      for (std::int64_t i = 0; i < block.count(); ++i) {
        EXPECT_LT((block.inputs[i] - centre(first + i)).abs().max().item<double>(), 1e-5);
        EXPECT_EQ(block.labels[i].item<std::int64_t>(), open()->label(first + i));
        EXPECT_EQ(block.targets[i].argmax().item<std::int64_t>(), open()->label(first + i));
        EXPECT_EQ(block.targets[i].sum().item<double>(), 1);
      }
      first += block.count();
    });
    EXPECT_EQ(first, images);
  }
  EXPECT_EQ(read_all(*stream(false, 1)).count(), images);
}

TEST_F(ImageStreams, GiveTheSameBatchesWithAnyNumberOfThreadsFromAnyStep) {
  for (const bool augment : {false, true}) {
    const auto one = stream(augment, 1), many = stream(augment, 5);
    const BatchSettings settings{"epoch", 77, batch_size, 0.1};
    const auto a = one->batches(settings, {}), b = many->batches(settings, {});
    std::vector<at::Tensor> inputs;
    for (std::int64_t step = 0; step < 9; ++step) {
      a->batch(step);
      inputs.push_back(a->examples().inputs.clone());
      b->batch(step);
      EXPECT_TRUE(at::equal(a->examples().inputs, b->examples().inputs)) << step;
      EXPECT_TRUE(at::equal(a->examples().targets, b->examples().targets)) << step;
      const auto sampler = make_sampler("epoch", 77, images, batch_size);
      const auto rows = sampler->batch(step);
      for (std::int64_t i = 0; i < batch_size; ++i) {
        const std::int64_t image = rows[static_cast<std::size_t>(i)];
        EXPECT_NEAR(a->examples().targets[i][open()->label(image)].item<double>(), 0.9 + 0.1 / 3, 1e-6);
        if (augment) continue;
        EXPECT_LT((a->examples().inputs[i] - centre(image)).abs().max().item<double>(), 1e-5);
      }
    }
    for (const std::int64_t step : {7, 2, 2, 3, 0}) {
      b->batch(step);
      EXPECT_TRUE(at::equal(b->examples().inputs, inputs[static_cast<std::size_t>(step)])) << step;
    }
    EXPECT_FALSE(at::equal(inputs[0], inputs[1]));
  }
}

TEST_F(ImageStreams, MakeOnlyTheReadersPart) {
  const auto all = stream(true, 2), part = stream(true, 2);
  const BatchSettings settings{"iid", 5, batch_size, 0};
  const StreamReader reader{at::kCPU, [](std::int64_t count) { return RowRange{1, count - 2}; }};
  const auto a = all->batches(settings, {}), b = part->batches(settings, reader);
  for (std::int64_t step = 0; step < 3; ++step) {
    a->batch(step);
    b->batch(step);
    EXPECT_TRUE(at::equal(a->examples().inputs.narrow(0, 1, 2), b->examples().inputs.narrow(0, 1, 2)));
    EXPECT_TRUE((b->examples().inputs[0] == 0).all().item<bool>());
  }
  const StreamReader nothing{at::kCPU, [](std::int64_t) { return RowRange{0, 0}; }};
  const auto none = part->batches(settings, nothing);
  EXPECT_EQ(none->batch(0).size(), 4U);
  std::int64_t blocks = 0;
  part->for_each_block(4, nothing, [&](const Examples&) { ++blocks; });
  EXPECT_EQ(blocks, 3);
}

TEST_F(ImageStreams, AugmentByTheKeyAndTheStep) {
  const auto images_of = [&](std::uint64_t key) {
    const auto images_here = stream(true, 2);
    const auto batches = images_here->batches({"epoch", key, images, 0}, {});
    batches->batch(0);
    return batches->examples().inputs.clone();
  };
  EXPECT_TRUE(at::equal(images_of(1), images_of(1)));
  EXPECT_FALSE(at::equal(images_of(1), images_of(2)));
}

}  // namespace
}  // namespace edgesweep
