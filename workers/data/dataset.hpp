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

/// Some of a number of rows.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t rows = 0;
};

class StreamedExamples;

struct TrainTest {
  Examples train;  ///< of a streamed set the part that measurements look at
  Examples test;   ///< may have zero rows; of a streamed set it has none
  std::shared_ptr<const StreamedExamples> train_stream = nullptr;  ///< null where all examples are in memory
  std::shared_ptr<const StreamedExamples> test_stream = nullptr;

  std::int64_t examples() const;  ///< D, the number of training examples
};

/// A family of data sets, added by one file: see mnist.cpp.
class DatasetFamily {
 public:
  virtual ~DatasetFamily() = default;
  /// Canonical form of `experiment.dataset`, every default written out. Throws InputError.
  virtual Json canonical(ObjectReader reader) const = 0;
  virtual std::int64_t train_count(const Json& canonical) const = 0;
  /// Training examples in memory, which measurements look at: all, but of a streamed set.
  virtual std::int64_t measured_count(const Json& canonical) const { return train_count(canonical); }
  /// Of one input, whose values come in this order in a row: {channels, rows, columns} of an image.
  virtual std::vector<std::int64_t> input_shape(const Json& canonical) const = 0;
  virtual std::int64_t outputs(const Json& canonical) const = 0;   ///< length of a target
  /// Loads from `directory` on the CPU. Throws InputError naming the file that is missing, truncated or wrong.
  virtual TrainTest load(const Json& canonical, const std::string& directory) const = 0;
  /// Checks that the files are there and long enough, without reading them whole. Returns what, beyond that, must not change
  /// while a sweep goes on, in words; empty if nothing. Throws InputError as load does.
  virtual std::string check(const Json& canonical, const std::string& directory) const = 0;
};

/// Throws InputError that lists the known names.
const DatasetFamily& dataset_family(const std::string& name);
std::vector<std::string> dataset_names();

/// A file registers its family with `static const RegisterDataset registered{"mnist", std::make_unique<Mnist>()};`
struct RegisterDataset {
  RegisterDataset(std::string name, std::unique_ptr<DatasetFamily> family);
};

}  // namespace edgesweep
