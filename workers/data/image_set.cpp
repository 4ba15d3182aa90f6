#include "workers/data/image_set.hpp"

#include <algorithm>
#include <cmath>

#include "workers/data/image_folder.hpp"
#include "workers/data/image_pack.hpp"
#include "workers/data/jpeg.hpp"

namespace edgesweep {
namespace {

CropBox at_centre(std::int64_t width, std::int64_t height, double crop_width, double crop_height) {
  return {(static_cast<double>(width) - crop_width) / 2, (static_cast<double>(height) - crop_height) / 2, crop_width, crop_height};
}

}  // namespace

CropBox centre_crop(std::int64_t width, std::int64_t height, std::int64_t size, std::int64_t resize) {
  const std::int64_t shorter = std::min(width, height);
  const auto side = [&](std::int64_t from, double& first, double& length) {
    const std::int64_t resized = resize * from / shorter;
    const double scale = static_cast<double>(from) / static_cast<double>(resized);
    first = std::nearbyint(static_cast<double>(resized - size) / 2) * scale;
    length = static_cast<double>(size) * scale;
  };
  CropBox box;
  side(width, box.left, box.width);
  side(height, box.top, box.height);
  return box;
}

CropBox random_resized_crop(std::int64_t width, std::int64_t height, double min_area, bool flip, RandomStream& random) {
  constexpr double widest = 4.0 / 3;
  const double area = static_cast<double>(width) * static_cast<double>(height);
  CropBox box;
  bool fits = false;
  for (int attempt = 0; attempt < 10 && !fits; ++attempt) {
    const double part = area * (min_area + (1 - min_area) * random.uniform());
    const double shape = std::exp((2 * random.uniform() - 1) * std::log(widest));
    const auto w = static_cast<std::int64_t>(std::lround(std::sqrt(part * shape)));
    const auto h = static_cast<std::int64_t>(std::lround(std::sqrt(part / shape)));
    fits = w > 0 && h > 0 && w <= width && h <= height;
    if (fits) {
      box = {static_cast<double>(random.below(static_cast<std::uint32_t>(width - w + 1))),
             static_cast<double>(random.below(static_cast<std::uint32_t>(height - h + 1))), static_cast<double>(w),
             static_cast<double>(h)};
    }
  }
  if (!fits) {
    const auto w = static_cast<double>(width), h = static_cast<double>(height);
    box = at_centre(width, height, std::min(w, h * widest), std::min(h, w * widest));
  }
  box.flip = flip && random.below(2) == 1;
  return box;
}

void ImageSet::read(std::int64_t image, const Framing& framing, std::int64_t size, std::uint8_t* planes) const {
  static thread_local RgbPixels pixels;
  const std::vector<std::uint8_t> file = bytes(image);
  const std::string file_name = name(image);
  JpegDecoder decoder(file, file_name);
  CropBox box = framing(decoder.size().width, decoder.size().height);
  const std::int64_t reduction = reduction_for(std::min(box.width, box.height), size);
  const auto scale = static_cast<double>(reduction);
  box = {box.left / scale, box.top / scale, box.width / scale, box.height / scale, box.flip};
  const std::int64_t width = (decoder.size().width + reduction - 1) / reduction;
  const std::int64_t height = (decoder.size().height + reduction - 1) / reduction;
  decoder.decode(reduction, source_range(box.top, box.height, height, size), source_range(box.left, box.width, width, size), pixels);
  resize_triangle(pixels, box, {size, size}, planes);
}

std::vector<std::string> image_classes(const std::string& directory, const std::string& split) {
  const std::string pack = pack_path(directory, split);
  return is_pack(pack) ? pack_classes(pack) : folder_classes(directory + "/" + split);
}

std::unique_ptr<ImageSet> open_images(const std::string& directory, const std::string& split, const ImageRequest& request,
                                      const std::vector<std::string>& classes) {
  const std::string pack = pack_path(directory, split);
  return is_pack(pack) ? open_pack(pack, request.wanted, classes) : open_folder(directory + "/" + split, request, classes);
}

}  // namespace edgesweep
