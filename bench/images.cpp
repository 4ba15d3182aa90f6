// Images a second of the loader: random resized crops to 224 pixels, decoded ahead by threads, as float32 inputs.
// bench_images FOLDER THREADS BATCHES: prints {"images_per_second": …, "peak_mb": …}; FOLDER has train/CLASS/*.JPEG.
#include <ATen/ATen.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "workers/data/image_stream.hpp"
#include "workers/workers.hpp"

namespace {

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void run(const std::string& folder, int threads, std::int64_t batches) {
  using namespace edgesweep;
  constexpr std::int64_t batch = 32;
  const auto classes = image_classes(folder, "train");
  std::int64_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder + "/train")) count += entry.is_regular_file() ? 1 : 0;
  std::shared_ptr<const ImageSet> images = open_images(folder, "train", {.wanted = count, .threads = threads}, classes);
  const auto stream = stream_images(images, count, static_cast<std::int64_t>(classes.size()), {.augment = true}, threads);
  const auto source = stream->batches({"iid", 7, batch, 0}, {});
  source->batch(0);
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t step = 1; step <= batches; ++step) source->batch(step);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("{\"images_per_second\": %.2f, \"peak_mb\": %.1f}\n", static_cast<double>(batch * batches) / seconds, peak_megabytes());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_images FOLDER THREADS BATCHES\n");
    return 2;
  }
  edgesweep::set_up_computing();
  run(argv[1], std::atoi(argv[2]), std::atoll(argv[3]));
  return 0;
}
