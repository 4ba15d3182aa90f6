#include <cstddef>
#include <limits>

#include "engine/base/error.hpp"
#include "workers/data/decode_threads.hpp"
#include "workers/data/image_pack.hpp"
#include "workers/data/image_set.hpp"
#include "workers/workers.hpp"

// What `edgesweep data` does.
namespace edgesweep {

Json pack_images(const PackRequest& request) {
  const int threads = request.threads > 0 ? request.threads : decode_threads();
  const PackReport report = pack_folder(request.folder, request.path, {request.side, request.quality, threads});
  return {{"images", report.images}, {"broken", report.broken}, {"bytes", report.bytes}};
}

std::string show_image(const ShowRequest& request) {
  const std::vector<std::string> classes = image_classes(request.directory, request.split);
  const auto images = open_images(request.directory, request.split,
                                  {.wanted = request.image + 1, .report = false, .threads = decode_threads()}, classes);
  const auto framing = [&](std::int64_t width, std::int64_t height) {
    if (request.box.empty()) return centre_crop(width, height, request.size, request.resize);
    const CropBox box{request.box.at(0), request.box.at(1), request.box.at(2), request.box.at(3)};
    if (box.left < 0 || box.top < 0 || box.width <= 0 || box.height <= 0 || box.left + box.width > static_cast<double>(width) ||
        box.top + box.height > static_cast<double>(height)) {
      throw InputError("--box", "does not lie in the image of " + std::to_string(width) + " x " + std::to_string(height) + " pixels");
    }
    return box;
  };
  const auto places = static_cast<std::size_t>(request.size * request.size);
  std::vector<std::uint8_t> planes(3 * places);
  images->read(request.image, framing, request.size, planes.data());
  const std::string side = std::to_string(request.size);
  std::string picture = "P6\n" + side + " " + side + "\n255\n";
  for (std::size_t i = 0; i < planes.size(); ++i) picture += static_cast<char>(planes[i % 3 * places + i / 3]);
  return picture;
}

}  // namespace edgesweep
