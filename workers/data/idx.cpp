#include "workers/data/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

struct CloseGz {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using GzHandle = std::unique_ptr<gzFile_s, CloseGz>;

GzHandle open_gz(const std::string& path) {
  errno = 0;
  GzHandle file(gzopen(path.c_str(), "rb"));
  if (!file) throw InputError(path, std::string("can't be opened: ") + std::strerror(errno == 0 ? ENOMEM : errno));
  gzbuffer(file.get(), 1U << 17);
  return file;
}

/// Reads up to `count` bytes; fewer only at the end of the file.
std::int64_t read_up_to(const GzHandle& file, const std::string& path, std::uint8_t* bytes, std::int64_t count) {
  std::int64_t done = 0;
  while (done < count) {
    const auto part = static_cast<unsigned>(std::min<std::int64_t>(count - done, 1 << 30));
    const int got = gzread(file.get(), bytes + done, part);
    if (got < 0) {
      int code = Z_OK;
      const char* message = gzerror(file.get(), &code);
      // An unexpected end inside the compressed data is reported here, not as a short count.
      throw InputError(path, code == Z_BUF_ERROR ? std::string("is truncated: the compressed data end early")
                                                 : std::string("can't be read: ") + message);
    }
    if (got == 0) break;
    done += got;
  }
  return done;
}

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::int64_t header_bytes(const IdxFile& file) { return 4 + 4 * static_cast<std::int64_t>(file.sizes.size()); }

std::int64_t expected_bytes(const IdxFile& file) { return header_bytes(file) + file.items() * file.item_bytes(); }

/// Uncompressed length modulo 2^32 as the last four bytes of a gzip file tell it (RFC 1952).
std::int64_t gzip_trailer_length(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> bytes{};
  file.seekg(-4, std::ios::end);
  if (!file.read(bytes.data(), bytes.size())) throw InputError(path, "is truncated");
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return length;
}

std::int64_t unpacked_length(const std::string& path) {
  GzHandle file = open_gz(path);
  std::vector<std::uint8_t> buffer(1 << 20);
  std::int64_t total = 0;
  while (const std::int64_t got = read_up_to(file, path, buffer.data(), static_cast<std::int64_t>(buffer.size()))) {
    total += got;
  }
  // A stream cut inside its last bytes still gives all data; only closing tells.
  if (gzclose_r(file.release()) == Z_BUF_ERROR) throw InputError(path, "is truncated: the compressed data end early");
  return total;
}

void check_length(const IdxFile& file, bool gzipped) {
  const std::int64_t expected = expected_bytes(file);
  std::int64_t found = 0;
  if (!gzipped) {
    found = static_cast<std::int64_t>(std::filesystem::file_size(file.path));
  } else {
    found = gzip_trailer_length(file.path);
    // Files of several gzip members are legal too; their trailer speaks of the last one.
    if (found != expected % (std::int64_t{1} << 32)) found = unpacked_length(file.path);
    else found = expected;
  }
  if (found != expected) {
    throw InputError(file.path, std::string(found < expected ? "is truncated: " : "has bytes too many: ") +
                                    std::to_string(found) + " bytes, its header promises " + std::to_string(expected));
  }
}

}  // namespace

std::int64_t IdxFile::item_bytes() const {
  std::int64_t bytes = 1;
  for (std::size_t i = 1; i < sizes.size(); ++i) bytes *= sizes[i];
  return bytes;
}

std::string find_idx_file(const std::string& directory, const std::string& name) {
  for (const std::string& folder : {directory, directory + "/mnist"}) {
    for (const char* suffix : {"", ".gz"}) {
      std::string path = folder;
      path += "/" + name + suffix;
      std::error_code ignored;
      if (std::filesystem::is_regular_file(path, ignored)) return path;
    }
  }
  throw InputError(directory + "/" + name, "not found, nor with .gz, nor in the folder mnist there");
}

IdxFile open_idx(const std::string& path, std::size_t dimensions) {
  const GzHandle handle = open_gz(path);
  const std::size_t length = 4 + 4 * dimensions;
  std::vector<std::uint8_t> header(length);
  const std::int64_t got = read_up_to(handle, path, header.data(), static_cast<std::int64_t>(length));
  if (got < static_cast<std::int64_t>(length)) throw InputError(path, "is truncated: it ends inside the header");
  // Two zero bytes, 8 for unsigned bytes, the number of dimensions.
  const std::uint32_t magic = 0x0800U + static_cast<std::uint32_t>(dimensions);
  if (big_endian(header.data()) != magic) {
    throw InputError(path, "is not an IDX file of unsigned bytes with " + std::to_string(dimensions) +
                               " dimensions: magic number " + std::to_string(big_endian(header.data())) + ", not " +
                               std::to_string(magic));
  }
  IdxFile file{path, {}};
  for (std::size_t i = 0; i < dimensions; ++i) file.sizes.push_back(big_endian(header.data() + 4 + 4 * i));
  // Beyond any image: keeps products of sizes far from overflow.
  if (file.sizes[0] > 1 << 30 || std::any_of(file.sizes.begin() + 1, file.sizes.end(), [](std::int64_t size) {
        return size < 1 || size > 1 << 14;
      })) {
    throw InputError(path, "has impossible sizes in its header");
  }
  check_length(file, gzdirect(handle.get()) == 0);
  return file;
}

std::vector<std::uint8_t> read_idx(const IdxFile& file, std::int64_t items) {
  if (items > file.items()) {
    throw InputError(file.path, "holds " + std::to_string(file.items()) + " items, " + std::to_string(items) +
                                    " are needed");
  }
  const GzHandle handle = open_gz(file.path);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(header_bytes(file) + items * file.item_bytes()));
  const auto wanted = static_cast<std::int64_t>(bytes.size());
  if (read_up_to(handle, file.path, bytes.data(), wanted) < wanted) throw InputError(file.path, "is truncated");
  bytes.erase(bytes.begin(), bytes.begin() + header_bytes(file));
  return bytes;
}

}  // namespace edgesweep
