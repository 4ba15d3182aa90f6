#include "workers/data/image_pack.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/system_calls.hpp"
#include "workers/data/image_folder.hpp"
#include "workers/data/jpeg.hpp"
#include "workers/data/readable_file.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t magic_bytes = 16;
constexpr char magic[magic_bytes + 1] = "edgesweep-pack-1";
constexpr std::size_t digest_bytes = 64;
/// Place and length of the index, its digest, and the magic words again: what a torn file lacks.
constexpr std::size_t trailer_bytes = 16 + digest_bytes + magic_bytes;
/// Images in memory at a time while packing.
constexpr std::int64_t packed_at_once = 256;

struct PackedImage {
  std::uint64_t offset = 0, length = 0, label = 0;
};

struct Index {
  std::vector<std::string> classes;
  std::vector<PackedImage> images;
  std::vector<std::string> names;
};

void put(std::string& text, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
}

void put(std::string& text, const std::string& value) {
  put(text, value.size());
  text += value;
}

std::string encode(const Index& index) {
  std::string text;
  put(text, index.classes.size());
  for (const std::string& name : index.classes) put(text, name);
  put(text, index.images.size());
  for (std::size_t i = 0; i < index.images.size(); ++i) {
    put(text, index.images[i].offset);
    put(text, index.images[i].length);
    put(text, index.images[i].label);
    put(text, index.names[i]);
  }
  return text;
}

/// Numbers and texts one after the other. Throws std::out_of_range at the end.
class Decoder {
 public:
  explicit Decoder(std::string_view text) : text_(text) {}

  std::uint64_t number() {
    const std::string_view bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }
  std::string text() { return std::string(take(number())); }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > text_.size()) throw std::out_of_range("index");
    const std::string_view taken = text_.substr(0, count);
    text_.remove_prefix(count);
    return taken;
  }

  std::string_view text_;
};

std::string read_text(const ReadableFile& file, std::size_t offset, std::size_t count) {
  const std::vector<std::uint8_t> bytes = file.read(offset, count);
  return {bytes.begin(), bytes.end()};
}

Index read_index(const ReadableFile& file) {
  const auto damaged = [&](const std::string& what) {
    return InputError(file.path(), "is no whole pack of images: " + what + "; make it again with edgesweep data pack");
  };
  if (file.size() < magic_bytes + trailer_bytes) throw damaged("it is too short");
  if (read_text(file, 0, magic_bytes) != magic) throw damaged("it does not begin as one");
  const std::string trailer = read_text(file, file.size() - trailer_bytes, trailer_bytes);
  if (trailer.substr(16 + digest_bytes) != magic) throw damaged("its end is missing");
  Decoder place(trailer);
  const std::uint64_t offset = place.number(), length = place.number();
  if (offset > file.size() || length > file.size() - offset) throw damaged("its index is missing");
  const std::string text = read_text(file, offset, length);
  if (sha256_hex(text) != trailer.substr(16, digest_bytes)) throw damaged("its index is damaged");
  Index index;
  Decoder decoder(text);
  const std::uint64_t classes = decoder.number();
  for (std::uint64_t i = 0; i < classes; ++i) index.classes.push_back(decoder.text());
  const std::uint64_t images = decoder.number();
  for (std::uint64_t i = 0; i < images; ++i) {
    const std::uint64_t first = decoder.number(), bytes = decoder.number(), label = decoder.number();
    index.images.push_back({first, bytes, label});
    index.names.push_back(decoder.text());
  }
  return index;
}

class ImagePack final : public ImageSet {
 public:
  ImagePack(std::unique_ptr<ReadableFile> file, Index index, std::vector<std::int64_t> labels)
      : file_(std::move(file)), index_(std::move(index)), labels_(std::move(labels)) {}

  std::int64_t count() const override { return static_cast<std::int64_t>(index_.images.size()); }
  std::int64_t label(std::int64_t image) const override { return labels_[static_cast<std::size_t>(entry(image).label)]; }
  std::string name(std::int64_t image) const override {
    return index_.names[static_cast<std::size_t>(image)] + " in " + file_->path();
  }
  std::vector<std::uint8_t> bytes(std::int64_t image) const override {
    return file_->read(entry(image).offset, entry(image).length);
  }

 private:
  const PackedImage& entry(std::int64_t image) const { return index_.images[static_cast<std::size_t>(image)]; }

  std::unique_ptr<ReadableFile> file_;
  Index index_;
  std::vector<std::int64_t> labels_;  // of the pack's classes
};

/// The bytes of an image, made smaller where it is larger than wanted.
std::vector<std::uint8_t> packed_bytes(const ImageSet& images, std::int64_t image, const PackSettings& settings) {
  std::vector<std::uint8_t> bytes = images.bytes(image);
  const std::string name = images.name(image);
  JpegDecoder decoder(bytes, name);
  const PixelSize size = decoder.size();
  const std::int64_t shorter = std::min(size.width, size.height);
  if (settings.side == 0 || shorter <= settings.side) return bytes;
  const std::int64_t reduction = reduction_for(static_cast<double>(shorter), settings.side);
  RgbPixels pixels;
  decoder.decode(reduction, pixels);
  const auto scaled = [&](std::int64_t side) { return (side * settings.side + shorter / 2) / shorter; };
  const PixelSize out{scaled(size.width), scaled(size.height)};
  const auto part = [&](std::int64_t side) { return static_cast<double>(side) / static_cast<double>(reduction); };
  const std::int64_t places = out.width * out.height;
  std::vector<std::uint8_t> planes(static_cast<std::size_t>(3 * places)), rgb(planes.size());
  resize_triangle(pixels, {0, 0, part(size.width), part(size.height)}, out, planes.data());
  for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = planes[i % 3 * static_cast<std::size_t>(places) + i / 3];
  return encode_jpeg(rgb, out, settings.quality);
}

/// packed_bytes of some images, by several threads. Throws what the first one threw.
std::vector<std::vector<std::uint8_t>> pack_some(const ImageSet& images, std::int64_t first, std::int64_t count,
                                                 const PackSettings& settings) {
  std::vector<std::vector<std::uint8_t>> all(static_cast<std::size_t>(count));
  std::vector<std::exception_ptr> errors(all.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      try {
        all[i] = packed_bytes(images, first + static_cast<std::int64_t>(i), settings);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < settings.threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return all;
}

/// A file that is made, synced and closed, or removed.
class NewFile {
 public:
  explicit NewFile(const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    require(descriptor_ >= 0, "can't be made: ");
  }
  ~NewFile() { close(descriptor_); }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(const void* data, std::size_t count) {
    require(calls::write(descriptor_, {static_cast<const std::byte*>(data), count}, path_), "can't be written: ");
    size_ += count;
  }
  void sync() { require(calls::sync(descriptor_, path_), "can't be synced: "); }
  std::uint64_t size() const { return size_; }

 private:
  void require(bool done, const char* what) const {
    if (!done) throw SystemError(path_, what + std::string(std::strerror(errno)));
  }

  const std::string& path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace

std::string pack_path(const std::string& directory, const std::string& split) { return directory + "/" + split + ".pack"; }

bool is_pack(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::vector<std::string> pack_classes(const std::string& path) { return read_index(ReadableFile(path)).classes; }

std::unique_ptr<ImageSet> open_pack(const std::string& path, std::int64_t wanted, const std::vector<std::string>& classes) {
  auto file = std::make_unique<ReadableFile>(path);
  Index index = read_index(*file);
  if (static_cast<std::int64_t>(index.images.size()) < wanted) {
    throw InputError(path, "has " + std::to_string(index.images.size()) + " images; the sweep wants " + std::to_string(wanted));
  }
  std::vector<std::int64_t> labels;
  for (const std::string& name : index.classes) {
    const auto found = std::ranges::lower_bound(classes, name);
    if (found == classes.end() || *found != name) {
      throw InputError(path, "has the class " + name + ", which the training images do not have");
    }
    labels.push_back(found - classes.begin());
  }
  return std::make_unique<ImagePack>(std::move(file), std::move(index), std::move(labels));
}

PackReport pack_folder(const std::string& folder, const std::string& path, const PackSettings& settings) {
  Index index;
  index.classes = folder_classes(folder);
  FolderScan scan = scan_folder(folder, index.classes, settings.threads);
  const ImageSet& images = *scan.images;
  if (images.count() == 0) throw InputError(folder, "has no images in its folders");
  const TemporaryName partial(path + ".packing");
  NewFile file(partial.path());
  file.write(magic, magic_bytes);
  for (std::int64_t first = 0; first < images.count(); first += packed_at_once) {
    const std::int64_t count = std::min(packed_at_once, images.count() - first);
    const auto packed = pack_some(images, first, count, settings);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::vector<std::uint8_t>& bytes = packed[static_cast<std::size_t>(i)];
      index.images.push_back({file.size(), bytes.size(), static_cast<std::uint64_t>(images.label(first + i))});
      index.names.push_back(images.name(first + i).substr(folder.size() + 1));
      file.write(bytes.data(), bytes.size());
    }
  }
  const std::string text = encode(index);
  std::string trailer;
  put(trailer, file.size());
  put(trailer, text.size());
  trailer += sha256_hex(text) + magic;
  file.write(text.data(), text.size());
  file.write(trailer.data(), trailer.size());
  file.sync();
  if (!calls::rename(partial.path(), path)) throw SystemError(path, std::string("renaming it into place failed: ") + std::strerror(errno));
  sync_path(directory_of(path));
  return {images.count(), scan.broken, static_cast<std::int64_t>(file.size())};
}

}  // namespace edgesweep
