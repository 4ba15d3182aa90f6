#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "workers/data/philox.hpp"
#include "workers/data/resize.hpp"

namespace edgesweep {

/// Chooses what of an image is seen, once its size in pixels is known.
using Framing = std::function<CropBox(std::int64_t width, std::int64_t height)>;

/// The centre that is left when the shorter side is resized to `resize` pixels, the longer one in proportion, rounded down, and `size` ×
/// `size` of them are cut out, at a whole pixel, halves to even: torchvision's Resize and CenterCrop.
CropBox centre_crop(std::int64_t width, std::int64_t height, std::int64_t size, std::int64_t resize);

/// A random crop (Szegedy et al. 2015, "Going deeper with convolutions"; as torchvision's RandomResizedCrop): an area uniform in
/// [min_area, 1] of the image's, the logarithm of its width over its height uniform in ±log(4/3); if ten of them do not fit, the largest
/// centre within these shapes. Then, if `flip`, mirrored with probability 1/2.
CropBox random_resized_crop(std::int64_t width, std::int64_t height, double min_area, bool flip, RandomStream& random);

/// JPEG images with labels in a fixed order. All of it may be called by several threads at once.
class ImageSet {
 public:
  virtual ~ImageSet() = default;
  virtual std::int64_t count() const = 0;
  virtual std::int64_t label(std::int64_t image) const = 0;
  virtual std::string name(std::int64_t image) const = 0;  ///< for people
  /// As it is stored. Throws InputError naming the file.
  virtual std::vector<std::uint8_t> bytes(std::int64_t image) const = 0;

  /// Decodes what the framing chooses and resizes it to size × size: planes R, G, B of bytes. Of large images a half, quarter or
  /// eighth is decoded (reduction_for). Throws InputError naming the file.
  void read(std::int64_t image, const Framing& framing, std::int64_t size, std::uint8_t* planes) const;
};

/// What to do with files that are no images: empty, cut off, of another format.
enum class BrokenFiles { leave_out, error };

struct ImageRequest {
  std::int64_t wanted = 0;  ///< the first so many that are no broken files
  BrokenFiles broken = BrokenFiles::leave_out;
  bool report = true;       ///< name the broken files that are left out in the log
  int threads = 1;          ///< that check the files
};

// A split ("train", "val") of `directory` is the pack `directory`/`split`.pack if there is one (image_pack.hpp), else the files of
// `directory`/`split` (image_folder.hpp). All throw InputError naming the folder or file.

/// The names of the classes, sorted.
std::vector<std::string> image_classes(const std::string& directory, const std::string& split);

/// The images of a split; labels are positions in `classes`, which are all of its classes or more. Throws if there are fewer than
/// wanted.
std::unique_ptr<ImageSet> open_images(const std::string& directory, const std::string& split, const ImageRequest& request,
                                      const std::vector<std::string>& classes);

}  // namespace edgesweep
