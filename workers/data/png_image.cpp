#include "workers/data/png_image.hpp"

#include <png.h>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

/// An image that libpng reads, freed at the end.
class Image {
 public:
  explicit Image(const std::string& path) : path_(path) {
    image_.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_file(&image_, path.c_str()) == 0) fail();
    if (image_.format != PNG_FORMAT_RGB || (image_.flags & PNG_IMAGE_FLAG_COLORSPACE_NOT_sRGB) != 0) {
      png_image_free(&image_);
      throw InputError(path, "is a PNG of another kind; expected 8 bits each of red, green and blue");
    }
  }
  ~Image() { png_image_free(&image_); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  PngSize size() const { return {image_.width, image_.height}; }

  std::vector<std::uint8_t> read() {
    std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image_));
    if (png_image_finish_read(&image_, nullptr, pixels.data(), 0, nullptr) == 0) fail();
    return pixels;
  }

 private:
  [[noreturn]] void fail() {
    const std::string reason = image_.message;
    png_image_free(&image_);
    throw InputError(path_, "can't be read as a PNG: " + reason);
  }

  const std::string& path_;
  png_image image_{};
};

}  // namespace

PngSize png_size(const std::string& path) { return Image(path).size(); }

std::vector<std::uint8_t> read_png(const std::string& path) { return Image(path).read(); }

}  // namespace edgesweep
