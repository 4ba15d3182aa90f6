#pragma once

#include <memory>
#include <string>
#include <vector>

#include "workers/data/image_set.hpp"

// Images as files FOLDER/CLASS/NAME.JPEG (or .jpeg, .jpg, .JPG; other files are not looked at). Their order: the first of every class, then
// the second of every class …, classes and names sorted.
namespace edgesweep {

/// The folders in `folder`, sorted. Throws InputError if there are none.
std::vector<std::string> folder_classes(const std::string& folder);

/// As open_images. A file is broken if its header is no JPEG's, or if it has no end-of-image marker at its end and can't be decoded
/// whole either.
std::unique_ptr<ImageSet> open_folder(const std::string& folder, const ImageRequest& request, const std::vector<std::string>& classes);

struct FolderScan {
  std::unique_ptr<ImageSet> images;  ///< all that are not broken
  std::int64_t broken = 0;           ///< named in the log
};
/// All images of a folder; labels are positions in `classes`. Throws InputError.
FolderScan scan_folder(const std::string& folder, const std::vector<std::string>& classes, int threads);

}  // namespace edgesweep
