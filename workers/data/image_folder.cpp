#include "workers/data/image_folder.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <filesystem>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "workers/data/jpeg.hpp"
#include "workers/data/readable_file.hpp"

namespace edgesweep {
namespace {

namespace fs = std::filesystem;

/// Enough of a file for the header of nearly all images; of the others all is read.
constexpr std::size_t head_bytes = 1 << 16;

/// Sorted names of what is in a folder and wanted. Throws InputError.
template <typename Wanted>
std::vector<std::string> names_in(const std::string& folder, Wanted wanted) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (wanted(*entry)) names.push_back(entry->path().filename().string());
  }
  if (error) throw InputError(folder, "can't be read: " + error.message());
  std::ranges::sort(names);
  return names;
}

bool is_image_name(const fs::directory_entry& entry) {
  std::string ending = entry.path().extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpeg" || ending == ".jpg";
}

bool has_header(const std::vector<std::uint8_t>& bytes, const std::string& path) {
  try {
    const PixelSize size = JpegDecoder(bytes, path).size();
    return size.width > 0 && size.height > 0;
  } catch (const InputError&) {
    return false;
  }
}

/// Throws InputError if the file is no whole JPEG image.
void check_file(const std::string& path) {
  const ReadableFile file(path);
  if (file.size() == 0) throw InputError(path, "is empty");
  const std::vector<std::uint8_t> head = file.read(0, std::min(head_bytes, file.size()));
  if (!has_header(head, path)) JpegDecoder(file.read(0, file.size()), path);
  const std::vector<std::uint8_t> tail = file.read(file.size() - std::min<std::size_t>(2, file.size()), 2);
  if (tail.size() == 2 && tail[0] == 0xFF && tail[1] == 0xD9) return;
  const std::vector<std::uint8_t> all = file.read(0, file.size());
  JpegDecoder decoder(all, path);
  RgbPixels pixels;
  decoder.decode(8, pixels);
}

struct Entry {
  std::int64_t label;
  std::string path;  ///< below the folder
};

class ImageFolder final : public ImageSet {
 public:
  ImageFolder(std::string folder, std::vector<Entry> entries) : folder_(std::move(folder)), entries_(std::move(entries)) {}

  std::int64_t count() const override { return static_cast<std::int64_t>(entries_.size()); }
  std::int64_t label(std::int64_t image) const override { return entry(image).label; }
  std::string name(std::int64_t image) const override { return folder_ + "/" + entry(image).path; }
  std::vector<std::uint8_t> bytes(std::int64_t image) const override {
    const std::string path = name(image);
    const ReadableFile file(path);
    return file.read(0, file.size());
  }

 private:
  const Entry& entry(std::int64_t image) const { return entries_[static_cast<std::size_t>(image)]; }

  std::string folder_;
  std::vector<Entry> entries_;
};

std::vector<Entry> list_entries(const std::string& folder, const std::vector<std::string>& classes) {
  std::vector<std::pair<std::int64_t, std::vector<std::string>>> listed;  // label, files
  std::size_t most = 0;
  for (const std::string& name : folder_classes(folder)) {
    const auto found = std::ranges::lower_bound(classes, name);
    if (found == classes.end() || *found != name) {
      throw InputError(folder + "/" + name, "is a class that the training images do not have");
    }
    std::vector<std::string> files = names_in(folder + "/" + name, is_image_name);
    for (std::string& file : files) file = name + "/" + file;
    most = std::max(most, files.size());
    listed.emplace_back(found - classes.begin(), std::move(files));
  }
  std::vector<Entry> entries;
  for (std::size_t k = 0; k < most; ++k) {
    for (auto& [label, files] : listed) {
      if (k < files.size()) entries.push_back({label, std::move(files[k])});
    }
  }
  return entries;
}

/// What is wrong with each of entries [first, end), empty if nothing.
std::vector<std::string> check_entries(const std::string& folder, const std::vector<Entry>& entries, std::size_t first,
                                       std::size_t end, int threads) {
  std::vector<std::string> wrong(end - first);
  std::atomic<std::size_t> next = first;
  const auto work = [&] {
    for (std::size_t i = next++; i < end; i = next++) {
      try {
        check_file(folder + "/" + entries[i].path);
      } catch (const InputError& error) {
        wrong[i - first] = error.reason();
      }
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  return wrong;
}

}  // namespace

std::vector<std::string> folder_classes(const std::string& folder) {
  std::vector<std::string> classes = names_in(folder, [](const fs::directory_entry& entry) { return entry.is_directory(); });
  if (classes.empty()) throw InputError(folder, "has no folders, one of each class, with images in them");
  return classes;
}

namespace {

/// As open_folder, but fewer than wanted are no error.
FolderScan find_images(const std::string& folder, const ImageRequest& request, const std::vector<std::string>& classes) {
  std::vector<Entry> listed = list_entries(folder, classes);
  std::vector<Entry> good;
  const auto wanted = static_cast<std::size_t>(request.wanted);
  std::size_t first = 0;
  std::int64_t broken = 0;
  while (good.size() < wanted && first < listed.size()) {
    const std::size_t end = std::min(listed.size(), first + wanted - good.size());
    const std::vector<std::string> wrong = check_entries(folder, listed, first, end, request.threads);
    for (std::size_t i = first; i < end; ++i) {
      const std::string& reason = wrong[i - first];
      if (reason.empty()) {
        good.push_back(std::move(listed[i]));
        continue;
      }
      ++broken;
      const std::string path = folder + "/" + listed[i].path;
      if (request.broken == BrokenFiles::error) throw InputError(path, reason);
      if (request.report) log_warning(path + ": left out: " + reason);
    }
    first = end;
  }
  return {std::make_unique<ImageFolder>(folder, std::move(good)), broken};
}

}  // namespace

std::unique_ptr<ImageSet> open_folder(const std::string& folder, const ImageRequest& request,
                                      const std::vector<std::string>& classes) {
  FolderScan scan = find_images(folder, request, classes);
  if (scan.images->count() < request.wanted) {
    throw InputError(folder, "has " + std::to_string(scan.images->count()) + " images" +
                                 (scan.broken > 0 ? " and " + std::to_string(scan.broken) + " broken files" : "") +
                                 "; the sweep wants " + std::to_string(request.wanted));
  }
  return std::move(scan.images);
}

FolderScan scan_folder(const std::string& folder, const std::vector<std::string>& classes, int threads) {
  return find_images(folder, {.wanted = std::numeric_limits<std::int64_t>::max(), .threads = threads}, classes);
}

}  // namespace edgesweep
