#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/data/augment.hpp"
#include "workers/data/dataset.hpp"
#include "workers/data/idx.hpp"
#include "workers/data/preprocess.hpp"
#include "workers/data/selection.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t side = 28;
constexpr std::int64_t classes = 10;

struct Split {
  const char* key;
  const char* images;
  const char* labels;
  std::int64_t total;
};
constexpr Split train_split{"train", "train-images-idx3-ubyte", "train-labels-idx1-ubyte", 60000};
constexpr Split test_split{"test", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10000};

struct SplitFiles {
  IdxFile images;
  IdxFile labels;
};

/// Number of leading examples that must be in the files for the rows to be there.
std::int64_t needed_count(const std::vector<std::int64_t>& rows) { return rows.empty() ? 0 : rows.back() + 1; }

SplitFiles open_split(const Split& split, const Json& canonical, const std::string& directory) {
  SplitFiles files{open_idx(find_idx_file(directory, split.images), 3),
                   open_idx(find_idx_file(directory, split.labels), 1)};
  const auto& sizes = files.images.sizes;
  if (sizes[1] != side || sizes[2] != side) {
    throw InputError(files.images.path, "holds images of " + std::to_string(sizes[1]) + " × " +
                                            std::to_string(sizes[2]) + " pixels, not 28 × 28");
  }
  if (files.images.items() != files.labels.items()) {
    throw InputError(files.labels.path, "holds " + std::to_string(files.labels.items()) + " labels, but " +
                                            files.images.path + " " + std::to_string(files.images.items()) + " images");
  }
  const std::int64_t needed = needed_count(selected_rows(canonical.at(split.key), split.total));
  if (files.images.items() < needed) {
    throw InputError(files.images.path, "holds " + std::to_string(files.images.items()) + " images, " +
                                            std::to_string(needed) + " are needed for experiment.dataset." +
                                            (preprocess_of(canonical).fits_all ? "fit" : split.key));
  }
  return files;
}

at::Tensor read_labels(const IdxFile& file, const std::vector<std::int64_t>& rows) {
  const std::vector<std::uint8_t> bytes = read_idx(file, needed_count(rows));
  at::Tensor labels = at::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
  auto* out = labels.data_ptr<std::int64_t>();
  for (const std::int64_t row : rows) {
    const std::uint8_t label = bytes[static_cast<std::size_t>(row)];
    if (label >= classes) {
      throw InputError(file.path, "label " + std::to_string(row) + " is " + std::to_string(label) + ", not a digit");
    }
    *out++ = label;
  }
  return labels;
}

at::Tensor read_pixels(const IdxFile& file, const std::vector<std::int64_t>& rows) {
  const std::vector<std::uint8_t> bytes = read_idx(file, needed_count(rows));
  at::Tensor pixels = at::empty({static_cast<std::int64_t>(rows.size()), side * side}, at::kFloat);
  auto* out = pixels.data_ptr<float>();
  for (const std::int64_t row : rows) {
    const std::uint8_t* image = bytes.data() + row * side * side;
    out = std::transform(image, image + side * side, out, [](std::uint8_t pixel) { return pixel / 255.0F; });
  }
  return pixels;
}

at::Tensor targets_of(const at::Tensor& labels, const std::string& target) {
  if (target == "parity") return (1 - 2 * labels.remainder(2)).to(at::kFloat).unsqueeze(1);
  return at::zeros({labels.size(0), classes}, at::kFloat).scatter_(1, labels.unsqueeze(1), 1.0);
}

/// `canonical` with the whole training set chosen where preprocessing is fitted on it, as it is elsewhere.
Json with_fitted_train(Json canonical) {
  if (preprocess_of(canonical).fits_all) canonical[train_split.key] = train_split.total;
  return canonical;
}

Examples load_split(const Split& split, const Json& canonical, const std::string& directory) {
  const std::vector<std::int64_t> rows = selected_rows(canonical.at(split.key), split.total);
  Examples examples;
  if (rows.empty()) {  // no files are needed then
    examples.inputs = at::empty({0, side * side}, at::kFloat);
    examples.labels = at::empty({0}, at::kLong);
    examples.targets = targets_of(examples.labels, canonical.at("target"));
    return examples;
  }
  const SplitFiles files = open_split(split, canonical, directory);
  examples.inputs = read_pixels(files.images, rows);
  examples.labels = read_labels(files.labels, rows);
  examples.targets = targets_of(examples.labels, canonical.at("target"));
  return examples;
}

/// MNIST: handwritten digits, 28 × 28 pixels in [0, 1]. Targets: parity (even +1, odd −1; one output) or onehot (ten).
class Mnist final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"mnist"});
    result["train"] = canonical_selection(reader, "train", 1, train_split.total);
    result["test"] = canonical_selection(reader, "test", 0, test_split.total);
    result["target"] = reader.choice("target", {"parity", "onehot"}, "parity");
    read_preprocess(reader, 1, result);
    read_augment(reader, side, result);
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override { return selection_count(canonical.at("train")); }
  std::vector<std::int64_t> input_shape(const Json&) const override { return {1, side, side}; }
  std::int64_t outputs(const Json& canonical) const override {
    return canonical.at("target") == "parity" ? 1 : classes;
  }

  TrainTest load(const Json& canonical, const std::string& directory) const override {
    TrainTest data{load_split(train_split, canonical, directory), load_split(test_split, canonical, directory)};
    const Preprocess preprocess = preprocess_of(canonical);
    if (preprocess.fits_all) {
      const Examples all = load_split(train_split, with_fitted_train(canonical), directory);
      apply_preprocess(preprocess, 1, blocks_of(all.inputs), data.train.inputs, data.test.inputs);
    } else {
      apply_preprocess(preprocess, 1, data.train.inputs, data.test.inputs);
    }
    return data;
  }

  std::string check(const Json& canonical, const std::string& directory) const override {
    open_split(train_split, with_fitted_train(canonical), directory);
    if (selection_count(canonical.at(test_split.key)) > 0) open_split(test_split, canonical, directory);
    return {};
  }
};

const RegisterDataset registered{"mnist", std::make_unique<Mnist>()};

}  // namespace
}  // namespace edgesweep
