#include <ATen/ATen.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "workers/data/dataset.hpp"
#include "workers/data/preprocess.hpp"
#include "workers/data/selection.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t pixels = 3 * 32 * 32;  // red, green, blue plane, each by rows
constexpr std::int64_t record_bytes = 1 + pixels;
constexpr std::int64_t records_per_file = 10000;
constexpr std::int64_t classes = 10;

struct Split {
  const char* key;
  std::vector<std::string> files;
  std::int64_t total() const { return static_cast<std::int64_t>(files.size()) * records_per_file; }
};

const Split& train_split() {
  static const Split split{
      "train", {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}};
  return split;
}

const Split& test_split() {
  static const Split split{"test", {"test_batch.bin"}};
  return split;
}

/// Throws InputError unless the file is there, of whole records, and has these rows. A shorter file than CIFAR-10's is fine.
void check_file(const std::string& path, const std::vector<std::int64_t>& rows) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw InputError(path, "is not there; expected a file of the binary version of CIFAR-10 (scripts/fetch-data.sh cifar10 DIR)");
  }
  if (status.st_size % record_bytes != 0) {
    throw InputError(path, "has " + std::to_string(status.st_size) +
                               " bytes; a file of the binary version of CIFAR-10 has a multiple of " + std::to_string(record_bytes));
  }
  if (status.st_size / record_bytes <= rows.back()) {
    throw InputError(path, "holds " + std::to_string(status.st_size / record_bytes) + " images, " +
                               std::to_string(rows.back() + 1) + " are needed");
  }
}

/// Chosen rows by the file that they are in, each file's rows increasing.
std::map<std::string, std::vector<std::int64_t>> rows_by_file(const Split& split, const Json& canonical,
                                                              const std::string& directory) {
  std::map<std::string, std::vector<std::int64_t>> result;
  for (const std::int64_t row : selected_rows(canonical.at(split.key), split.total())) {
    const std::string& file = split.files[static_cast<std::size_t>(row / records_per_file)];
    result[directory + "/" + file].push_back(row % records_per_file);
  }
  return result;
}

/// Appends the records' labels and pixels / 255 at `labels` and `inputs`, which move on.
void read_records(const std::string& path, const std::vector<std::int64_t>& rows, std::int64_t*& labels, float*& inputs) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, record_bytes> record;
  for (const std::int64_t row : rows) {
    if (!file.seekg(row * record_bytes) || !file.read(record.data(), record_bytes)) {
      throw InputError(path, "record " + std::to_string(row) + " can't be read");
    }
    const auto label = static_cast<std::uint8_t>(record[0]);
    if (label >= classes) {
      throw InputError(path, "record " + std::to_string(row) + " has label " + std::to_string(label) + ", not 0 to 9");
    }
    *labels++ = label;
    inputs = std::transform(record.begin() + 1, record.end(), inputs,
                            [](char pixel) { return static_cast<float>(static_cast<std::uint8_t>(pixel)) / 255.0F; });
  }
}

Examples load_split(const Split& split, const Json& canonical, const std::string& directory) {
  const std::int64_t count = selection_count(canonical.at(split.key));
  Examples examples;
  examples.inputs = at::empty({count, pixels}, at::kFloat);
  examples.labels = at::empty({count}, at::kLong);
  auto* labels = examples.labels.data_ptr<std::int64_t>();
  auto* inputs = examples.inputs.data_ptr<float>();
  for (const auto& [path, rows] : rows_by_file(split, canonical, directory)) {
    check_file(path, rows);
    read_records(path, rows, labels, inputs);
  }
  examples.targets = at::zeros({count, classes}, at::kFloat).scatter_(1, examples.labels.unsqueeze(1), 1.0);
  return examples;
}

/// CIFAR-10, the binary version: inputs are the three colour planes of 32 × 32 pixels in [0, 1], one after the other;
/// targets one-hot.
class Cifar10 final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"cifar10"});
    result["train"] = canonical_selection(reader, "train", 1, train_split().total());
    result["test"] = canonical_selection(reader, "test", 0, test_split().total());
    result["target"] = reader.choice("target", {"onehot"}, "onehot");
    read_preprocess(reader, result);
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override { return selection_count(canonical.at("train")); }
  std::vector<std::int64_t> input_shape(const Json&) const override { return {3, 32, 32}; }
  std::int64_t outputs(const Json&) const override { return classes; }

  TrainTest load(const Json& canonical, const std::string& directory) const override {
    TrainTest data{load_split(train_split(), canonical, directory), load_split(test_split(), canonical, directory)};
    apply_preprocess(preprocess_of(canonical), data.train.inputs, data.test.inputs);
    return data;
  }

  void check(const Json& canonical, const std::string& directory) const override {
    for (const Split* split : {&train_split(), &test_split()}) {
      for (const auto& [path, rows] : rows_by_file(*split, canonical, directory)) check_file(path, rows);
    }
  }
};

const RegisterDataset registered{"cifar10", std::make_unique<Cifar10>()};

}  // namespace
}  // namespace edgesweep
