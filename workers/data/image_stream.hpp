#pragma once

#include <cstdint>
#include <memory>

#include "workers/data/image_set.hpp"
#include "workers/data/streamed_examples.hpp"

namespace edgesweep {

/// What becomes of images.
struct ImageViews {
  std::int64_t size = 224;    ///< side of an input, pixels
  std::int64_t resize = 256;  ///< the shorter side before the centre is cut, without augmentation
  bool augment = false;       ///< a random crop in its place in training
  double min_area = 0.08;     ///< of that crop, of the image's
  bool flip = true;           ///< and mirrored left to right with probability 1/2
};

/// The first `count` images of a set as streamed examples: inputs are the planes R, G, B of size × size pixels, (pixel / 255 − mean)
/// / deviation with the channels' usual mean (0.485, 0.456, 0.406) and deviation (0.229, 0.224, 0.225) of ImageNet; targets
/// one-hot among `classes`. `threads` decode at a time. `images` must outlive it.
std::shared_ptr<const StreamedExamples> stream_images(std::shared_ptr<const ImageSet> images, std::int64_t count,
                                                      std::int64_t classes, const ImageViews& views, int threads);

/// All examples of a stream, in memory.
Examples read_all(const StreamedExamples& stream);

}  // namespace edgesweep
