#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// Preprocessed examples: inputs N × features, targets N × outputs, both float32, contiguous.
/// `labels` (int64, N) is defined for classification targets.
struct Examples {
  at::Tensor inputs;
  at::Tensor targets;
  at::Tensor labels;

  std::int64_t count() const { return inputs.size(0); }
};

struct TrainTest {
  Examples train;
  Examples test;  ///< may have zero rows
};

/// A family of data sets, added by one file: see mnist.cpp.
class DatasetFamily {
 public:
  virtual ~DatasetFamily() = default;
  /// Canonical form of `experiment.dataset`, every default written out. Throws InputError.
  virtual Json canonical(ObjectReader reader) const = 0;
  virtual std::int64_t train_count(const Json& canonical) const = 0;
  /// Of one input, whose values come in this order in a row: {channels, rows, columns} of an image.
  virtual std::vector<std::int64_t> input_shape(const Json& canonical) const = 0;
  virtual std::int64_t outputs(const Json& canonical) const = 0;   ///< length of a target
  /// Loads from `directory` on the CPU. Throws InputError naming the file that is missing, truncated or wrong.
  virtual TrainTest load(const Json& canonical, const std::string& directory) const = 0;
  /// Checks that the files are there and long enough, without reading them whole. Throws InputError as load does.
  virtual void check(const Json& canonical, const std::string& directory) const = 0;
};

/// Throws InputError that lists the known names.
const DatasetFamily& dataset_family(const std::string& name);
std::vector<std::string> dataset_names();

/// A file registers its family with `static const RegisterDataset registered{"mnist", std::make_unique<Mnist>()};`
struct RegisterDataset {
  RegisterDataset(std::string name, std::unique_ptr<DatasetFamily> family);
};

}  // namespace edgesweep
