#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "workers/data/augment.hpp"
#include "workers/data/cifar10_file.hpp"
#include "workers/data/dataset.hpp"
#include "workers/data/preprocess.hpp"
#include "workers/data/selection.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t channels = 3;
constexpr std::int64_t classes = 10;

struct Split {
  const char* key;
  std::vector<std::string> stems;
  std::int64_t total() const { return static_cast<std::int64_t>(stems.size()) * cifar10_images_per_file; }
};

const Split& train_split() {
  static const Split split{"train", {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"}};
  return split;
}

const Split& test_split() {
  static const Split split{"test", {"test_batch"}};
  return split;
}

/// In the form that is there; the binary version if none or both are.
std::unique_ptr<Cifar10File> find_file(const std::string& directory, const Cifar10Name& name) {
  const std::filesystem::path path = std::filesystem::path(directory) / name.stem;
  std::error_code ignored;
  const auto exists = [&](const char* ending) { return std::filesystem::exists(path.string() + ending, ignored); };
  return !exists(".bin") && exists(".png") ? cifar10_png(directory, name) : cifar10_binary(directory, name);
}

/// Calls visit(file, rows of it) for the files that have chosen rows.
template <typename Visit>
void for_each_file(const Split& split, const Json& selection, const std::string& directory, const Visit& visit) {
  std::vector<std::vector<std::int64_t>> rows(split.stems.size());
  for (const std::int64_t row : selected_rows(selection, split.total())) {
    rows[static_cast<std::size_t>(row / cifar10_images_per_file)].push_back(row % cifar10_images_per_file);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    visit(*find_file(directory, {split.stems[i], static_cast<std::int64_t>(i), &split == &test_split()}), rows[i]);
  }
}

void read_images(const Split& split, const Json& selection, const std::string& directory, const Cifar10Visitor& visit) {
  for_each_file(split, selection, directory,
                [&](const Cifar10File& file, const std::vector<std::int64_t>& rows) { file.read(rows, visit); });
}

void check_images(const Split& split, const Json& selection, const std::string& directory) {
  for_each_file(split, selection, directory,
                [](const Cifar10File& file, const std::vector<std::int64_t>& rows) { file.check(rows); });
}

/// Writes pixels / 255 at `out` and returns the end of them.
float* write_inputs(std::span<const std::uint8_t> pixels, float* out) {
  return std::transform(pixels.begin(), pixels.end(), out,
                        [](std::uint8_t pixel) { return static_cast<float>(pixel) / 255.0F; });
}

Examples load_split(const Split& split, const Json& canonical, const std::string& directory) {
  const Json& selection = canonical.at(split.key);
  const std::int64_t count = selection_count(selection);
  Examples examples;
  examples.inputs = at::empty({count, cifar10_pixels}, at::kFloat);
  examples.labels = at::empty({count}, at::kLong);
  auto* labels = examples.labels.data_ptr<std::int64_t>();
  auto* inputs = examples.inputs.data_ptr<float>();
  read_images(split, selection, directory, [&](std::uint8_t label, std::span<const std::uint8_t> pixels) {
    *labels++ = label;
    inputs = write_inputs(pixels, inputs);
  });
  examples.targets = at::zeros({count, classes}, at::kFloat).scatter_(1, examples.labels.unsqueeze(1), 1.0);
  return examples;
}

/// The whole training set, from the files at each pass: in memory it would be 600 MB. Blocks that fit a cache.
RowBlocks all_training_inputs(const std::string& directory) {
  return [directory](const std::function<void(const at::Tensor&)>& visit) {
    constexpr std::int64_t rows = 64;
    const at::Tensor block = at::empty({rows, cifar10_pixels}, at::kFloat);
    std::int64_t filled = 0;
    read_images(train_split(), train_split().total(), directory,
                [&](std::uint8_t, std::span<const std::uint8_t> pixels) {
                  write_inputs(pixels, block.data_ptr<float>() + filled * cifar10_pixels);
                  if (++filled == rows) {
                    visit(block);
                    filled = 0;
                  }
                });
    if (filled > 0) visit(block.narrow(0, 0, filled));
  };
}

/// CIFAR-10: inputs are the three colour planes of 32 × 32 pixels in [0, 1], one after the other; targets one-hot.
class Cifar10 final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"cifar10"});
    result["train"] = canonical_selection(reader, "train", 1, train_split().total());
    result["test"] = canonical_selection(reader, "test", 0, test_split().total());
    result["target"] = reader.choice("target", {"onehot"}, "onehot");
    read_preprocess(reader, channels, result);
    read_augment(reader, 32, result);
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override { return selection_count(canonical.at("train")); }
  std::vector<std::int64_t> input_shape(const Json&) const override { return {channels, 32, 32}; }
  std::int64_t outputs(const Json&) const override { return classes; }

  TrainTest load(const Json& canonical, const std::string& directory) const override {
    TrainTest data{load_split(train_split(), canonical, directory), load_split(test_split(), canonical, directory)};
    const Preprocess preprocess = preprocess_of(canonical);
    if (preprocess.fits_all) {
      apply_preprocess(preprocess, channels, all_training_inputs(directory), data.train.inputs, data.test.inputs);
    } else {
      apply_preprocess(preprocess, channels, data.train.inputs, data.test.inputs);
    }
    return data;
  }

  std::string check(const Json& canonical, const std::string& directory) const override {
    const Json train = preprocess_of(canonical).fits_all ? Json(train_split().total()) : canonical.at("train");
    check_images(train_split(), train, directory);
    check_images(test_split(), canonical.at("test"), directory);
    return {};
  }
};

const RegisterDataset registered{"cifar10", std::make_unique<Cifar10>()};

}  // namespace
}  // namespace edgesweep
