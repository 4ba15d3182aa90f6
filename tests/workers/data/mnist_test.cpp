#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/base/error.hpp"
#include "tests/workers/data/idx_writer.hpp"
#include "workers/data/dataset.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

using ::testing::HasSubstr;
using edgesweep::testing::made_up_label;
using edgesweep::testing::made_up_pixel;
using edgesweep::testing::TemporaryFolder;
using edgesweep::testing::write_made_up_mnist;

const DatasetFamily& mnist() { return dataset_family("mnist"); }

Json canonical(Json settings) {
  settings["name"] = "mnist";
  return mnist().canonical(ObjectReader(settings, "sweep.json", "experiment.dataset"));
}

std::string error_of(const Json& settings) {
  try {
    canonical(settings);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string load_error(const Json& settings, const std::string& folder) {
  try {
    mnist().load(canonical(settings), folder);
  } catch (const InputError& error) {
    EXPECT_THROW(mnist().check(canonical(settings), folder), InputError) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(Mnist, WritesOutItsDefaults) {
  EXPECT_EQ(canonical(Json::object()),
            Json::parse(R"({"name": "mnist", "train": 60000, "test": 10000, "target": "parity", "preprocess": "none"})"));
  EXPECT_EQ(canonical({{"preprocess", "zca"}}).at("regularization"), 0.1);
  const Json subset = Json::parse(R"({"train": {"count": 7, "seed": 3}, "target": "onehot"})");
  EXPECT_EQ(canonical(subset).at("train"), subset.at("train"));
  EXPECT_EQ(mnist().train_count(canonical(subset)), 7);
  EXPECT_EQ(mnist().outputs(canonical(subset)), 10);
  EXPECT_EQ(mnist().outputs(canonical(Json::object())), 1);
  EXPECT_EQ(mnist().input_shape(canonical(subset)), (std::vector<std::int64_t>{1, 28, 28}));
  EXPECT_EQ(canonical(canonical(subset)), canonical(subset));
}

TEST(Mnist, RefusesImpossibleSettingsWithTheirPath) {
  EXPECT_THAT(error_of({{"train", 0}}), HasSubstr("experiment.dataset.train"));
  EXPECT_THAT(error_of({{"train", 60001}}), HasSubstr("experiment.dataset.train"));
  EXPECT_THAT(error_of({{"train", "all"}}), HasSubstr("experiment.dataset.train"));
  EXPECT_THAT(error_of({{"train", {{"count", 5}}}}), HasSubstr("experiment.dataset.train.seed"));
  EXPECT_THAT(error_of({{"train", {{"count", 5}, {"seed", 1}, {"sed", 1}}}}), HasSubstr("sed"));
  EXPECT_THAT(error_of({{"target", "odd"}}), HasSubstr("experiment.dataset.target"));
  EXPECT_THAT(error_of({{"preprocess", "pca"}}), HasSubstr("experiment.dataset.preprocess"));
  EXPECT_THAT(error_of({{"preprocess", "zca"}, {"regularization", 0}}), HasSubstr("regularization"));
  EXPECT_THAT(error_of({{"regularization", 0.1}}), HasSubstr("belongs to"));
  EXPECT_THAT(error_of({{"colour", 1}}), HasSubstr("colour"));
}

TEST(Mnist, LoadsTheFirstImagesAsPixelsOver255) {
  const TemporaryFolder folder;
  write_made_up_mnist(folder.path(), 12, 6);
  const Json settings = canonical({{"train", 9}, {"test", 4}});
  mnist().check(settings, folder.path());
  const TrainTest data = mnist().load(settings, folder.path());
  ASSERT_EQ(data.train.inputs.sizes(), (at::IntArrayRef{9, 784}));
  ASSERT_EQ(data.test.inputs.sizes(), (at::IntArrayRef{4, 784}));
  ASSERT_EQ(data.train.targets.sizes(), (at::IntArrayRef{9, 1}));
  for (std::int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(data.train.inputs[i][3].item<float>(), static_cast<float>(made_up_pixel(i, 3)) / 255.0F);
    EXPECT_EQ(data.train.inputs[i][783].item<float>(), static_cast<float>(made_up_pixel(i, 783)) / 255.0F);
    EXPECT_EQ(data.train.labels[i].item<std::int64_t>(), made_up_label(i));
    EXPECT_EQ(data.train.targets[i][0].item<float>(), made_up_label(i) % 2 == 0 ? 1.0F : -1.0F);
  }
  EXPECT_EQ(data.test.inputs[2][3].item<float>(), static_cast<float>(made_up_pixel(100002, 3)) / 255.0F);
}

TEST(Mnist, LoadsPackedFilesAndAnEmptyTestSet) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() + "/mnist");
  write_made_up_mnist(folder.path() + "/mnist", 12, 6, true);
  for (const char* preprocess : {"none", "standardize", "zca"}) {
    const TrainTest data =
        mnist().load(canonical({{"train", 5}, {"test", 0}, {"target", "onehot"}, {"preprocess", preprocess}}),
                     folder.path());
    EXPECT_EQ(data.test.count(), 0);
    ASSERT_EQ(data.train.targets.sizes(), (at::IntArrayRef{5, 10}));
    EXPECT_TRUE(at::equal(data.train.targets.argmax(1), data.train.labels));
    EXPECT_TRUE(at::equal(data.train.targets.sum(1), at::ones({5})));
    EXPECT_EQ(data.train.inputs.scalar_type(), at::kFloat);
  }
}

// A subset is drawn from the standard 60000 images: the file must hold them all.
TEST(Mnist, IsOneChannelAndFittedOnAllImagesWhereAskedFor) {
  const edgesweep::testing::TemporaryFolder folder;
  edgesweep::testing::write_made_up_mnist(folder.path(), 40, 2);
  const Json channels = canonical({{"train", 30}, {"test", 2}, {"preprocess", "standardize_channels"}});
  const at::Tensor inputs = mnist().load(channels, folder.path()).train.inputs.to(at::kDouble);
  EXPECT_NEAR(inputs.mean().item<double>(), 0, 1e-6);
  EXPECT_NEAR(inputs.std(false).item<double>(), 1, 1e-6);
  const Json all = canonical({{"train", 30}, {"test", 2}, {"preprocess", "standardize"}, {"fit", "all"}});
  try {
    mnist().check(all, folder.path());
    FAIL() << "40 images are not all";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds 40 images, 60000 are needed for experiment.dataset.fit"));
  }
}

TEST(Mnist, DrawsRandomSubsetsBySeed) {
  const TemporaryFolder folder;
  write_made_up_mnist(folder.path(), 60000, 1);
  const auto labels = [&](int seed) {
    const Json settings = {{"train", {{"count", 100}, {"seed", seed}}}, {"test", 1}};
    return mnist().load(canonical(settings), folder.path()).train.inputs;
  };
  EXPECT_TRUE(at::equal(labels(1), labels(1)));
  EXPECT_FALSE(at::equal(labels(1), labels(2)));
  EXPECT_EQ(labels(1).size(0), 100);
}

TEST(Mnist, NamesTheFileThatIsMissingOrWrong) {
  const TemporaryFolder folder;
  const Json small = {{"train", 4}, {"test", 2}};
  EXPECT_THAT(load_error(small, folder.path()), HasSubstr("train-images-idx3-ubyte"));
  write_made_up_mnist(folder.path(), 4, 2);
  EXPECT_EQ(load_error(small, folder.path()), "no error");
  EXPECT_THAT(load_error({{"train", 5}, {"test", 2}}, folder.path()), HasSubstr("holds 4 images, 5 are needed"));
  const std::string images = folder.path() + "/t10k-images-idx3-ubyte";
  std::filesystem::resize_file(images, 1000);
  EXPECT_THAT(load_error(small, folder.path()), HasSubstr(images + ": is truncated"));
  const std::string labels = folder.path() + "/t10k-labels-idx1-ubyte";
  write_made_up_mnist(folder.path(), 4, 2);
  edgesweep::testing::write_bytes(labels, edgesweep::testing::idx_bytes({3}, {1, 2, 3}));
  EXPECT_THAT(load_error(small, folder.path()), HasSubstr(labels + ": holds 3 labels"));
  edgesweep::testing::write_bytes(labels, edgesweep::testing::idx_bytes({2}, {1, 10}));
  EXPECT_THROW(mnist().load(canonical(small), folder.path()), InputError);
  edgesweep::testing::write_bytes(images, edgesweep::testing::idx_bytes({2, 1, 1}, {1, 2}));
  EXPECT_THAT(load_error(small, folder.path()), HasSubstr("not 28 × 28"));
}

TEST(Datasets, AreListedWhenTheNameIsUnknown) {
  try {
    dataset_family("emnist");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("mnist"));
    EXPECT_THAT(error.what(), HasSubstr("\"emnist\""));
  }
}

}  // namespace
}  // namespace edgesweep
