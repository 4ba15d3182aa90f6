#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/data/crop_flip.hpp"
#include "workers/data/dataset.hpp"

namespace edgesweep {

/// How training images are changed each time that they are in a batch.
struct Augment {
  std::int64_t crop = 0;  ///< zeros on each side, then a random cut of the old size; 0: none
  bool flip = false;      ///< mirrored left to right with probability 1/2
};

/// Reads `augment`: `{"crop": 0 to side − 1, "flip": bool}` for images of `side` pixels a side, and writes it to `canonical`
/// where it changes something. Throws InputError.
void read_augment(ObjectReader& reader, std::int64_t side, Json& canonical);

/// The augmented images of one batch after the other. What a step's batch becomes is a pure function of the trial's key,
/// the step and the rows.
class AugmentedBatch {
 public:
  /// `train` must outlive it. `key` is the trial's.
  AugmentedBatch(Augment augment, ImageShape shape, const Examples& train, std::uint64_t key, std::int64_t batch_size);

  /// Batch-size rows, on the training set's device: the training set of a stepper. draw() fills them anew, in place.
  const Examples& examples() const { return examples_; }

  /// Makes examples() the augmented `rows` of the training set and returns its own rows, 0 … B − 1.
  std::span<const std::int64_t> draw(std::int64_t step, std::span<const std::int64_t> rows);

 private:
  Augment augment_;
  ImageShape shape_;
  const Examples& train_;
  std::uint64_t key_;
  Examples examples_;
  std::vector<CropFlip> moves_;
  std::vector<std::int64_t> all_rows_;
};

/// Of a canonical data set; nullptr where its images stay as they are.
std::unique_ptr<AugmentedBatch> make_augmented_batch(const Json& dataset, const Examples& train, std::uint64_t key,
                                                     std::int64_t batch_size);

}  // namespace edgesweep
