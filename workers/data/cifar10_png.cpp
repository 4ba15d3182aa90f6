#include <array>
#include <fstream>

#include "engine/base/error.hpp"
#include "engine/base/json.hpp"
#include "workers/data/cifar10_file.hpp"
#include "workers/data/png_image.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t image_pixels = cifar10_pixels / 3;

class Png final : public Cifar10File {
 public:
  Png(std::string path, std::string labels, std::int64_t first_label)
      : path_(std::move(path)), labels_path_(std::move(labels)), first_label_(first_label) {}

  void check(const std::vector<std::int64_t>& rows) const override {
    const PngSize size = png_size(path_);
    if (size.width != image_pixels) {
      throw InputError(path_, "is " + std::to_string(size.width) + " pixels wide; expected " +
                                  std::to_string(image_pixels) + ", one image of CIFAR-10 a row");
    }
    if (size.height <= rows.back()) {
      throw InputError(path_, "holds " + std::to_string(size.height) + " images, " + std::to_string(rows.back() + 1) +
                                  " are needed");
    }
    read_labels(rows);
  }

  void read(const std::vector<std::int64_t>& rows, const Cifar10Visitor& visit) const override {
    check(rows);
    const std::vector<std::uint8_t> labels = read_labels(rows);
    const std::vector<std::uint8_t> colours = read_png(path_);
    std::array<std::uint8_t, cifar10_pixels> planes;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint8_t* image = colours.data() + rows[i] * cifar10_pixels;
      for (std::int64_t pixel = 0; pixel < image_pixels; ++pixel) {
        for (std::int64_t colour = 0; colour < 3; ++colour) {
          planes[static_cast<std::size_t>(colour * image_pixels + pixel)] = image[3 * pixel + colour];
        }
      }
      visit(labels[i], planes);
    }
  }

 private:
  std::vector<std::uint8_t> read_labels(const std::vector<std::int64_t>& rows) const {
    std::ifstream file(labels_path_);
    if (!file) throw InputError(labels_path_, "is not there; it has the labels of " + path_);
    const Json list = Json::parse(file, nullptr, false);
    const auto needed = static_cast<std::size_t>(first_label_ + rows.back() + 1);
    if (!list.is_array() || list.size() < needed) {
      throw InputError(labels_path_, "is not a JSON list of " + std::to_string(needed) + " labels or more");
    }
    std::vector<std::uint8_t> labels;
    for (const std::int64_t row : rows) {
      const Json& label = list[static_cast<std::size_t>(first_label_ + row)];
      if (!label.is_number_unsigned() || label.get<std::uint64_t>() > 9) {
        throw InputError(labels_path_, "label " + std::to_string(first_label_ + row) + " is " +
                                           label.dump(-1, ' ', true, Json::error_handler_t::replace) + ", not 0 to 9");
      }
      labels.push_back(label.get<std::uint8_t>());
    }
    return labels;
  }

  std::string path_, labels_path_;
  std::int64_t first_label_;  // of this file's, in the split's list
};

}  // namespace

std::unique_ptr<Cifar10File> cifar10_png(const std::string& directory, const Cifar10Name& name) {
  // The spelling is the package's.
  return std::make_unique<Png>(directory + "/" + name.stem + ".png",
                               directory + (name.is_test ? "/test_lables.json" : "/train_lables.json"),
                               name.index * cifar10_images_per_file);
}

}  // namespace edgesweep
