#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "workers/data/dataset.hpp"
#include "workers/data/training_batches.hpp"

namespace edgesweep {

/// Who looks at streamed examples: where, and at which rows of `count` (all, but for a member of a team).
struct StreamReader {
  at::Device device = at::kCPU;
  std::function<RowRange(std::int64_t count)> part = [](std::int64_t count) { return RowRange{0, count}; };
};

/// Examples that do not fit in memory: made each time that they are wanted, by threads that work ahead. What is made is a pure
/// function of its arguments, whatever the number of threads.
class StreamedExamples {
 public:
  virtual ~StreamedExamples() = default;
  virtual std::int64_t count() const = 0;
  /// Calls visit with block after block of at most `rows` examples, in order, as they are without augmentation; the last one may
  /// be shorter. Of a block only the reader's part is made, the other rows are zero. Throws InputError naming a file that breaks.
  virtual void for_each_block(std::int64_t rows, const StreamReader& reader,
                              const std::function<void(const Examples&)>& visit) const = 0;
  /// Batches to train on, augmented where the data set's settings say so; it must outlive them. As for_each_block.
  virtual std::unique_ptr<TrainingBatches> batches(const BatchSettings& settings, const StreamReader& reader) const = 0;
};

}  // namespace edgesweep
