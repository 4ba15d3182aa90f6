#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "workers/data/image_set.hpp"

// All images of a split in one file, for file systems that hate small ones: JPEG bytes one after the other in the order of image_folder.hpp,
// then the index, then a trailer with the index's place and digest. The format, of little-endian 64-bit integers, is in docs/store.md.
namespace edgesweep {

/// `directory`/`split`.pack
std::string pack_path(const std::string& directory, const std::string& split);
bool is_pack(const std::string& path);

/// As image_classes and open_images. Throw InputError if the file is no pack, or cut off or damaged.
std::vector<std::string> pack_classes(const std::string& path);
std::unique_ptr<ImageSet> open_pack(const std::string& path, std::int64_t wanted, const std::vector<std::string>& classes);

struct PackSettings {
  std::int64_t side = 0;  ///< images whose shorter side is longer are made smaller, to this; 0: none
  int quality = 95;       ///< of those
  int threads = 1;
};

struct PackReport {
  std::int64_t images = 0;
  std::int64_t broken = 0;  ///< named in the log and left out
  std::int64_t bytes = 0;
};

/// Packs a folder of images. The file is made under another name, synced and renamed. Throws InputError if there are no images,
/// SystemError if it can't be written.
PackReport pack_folder(const std::string& folder, const std::string& path, const PackSettings& settings);

}  // namespace edgesweep
