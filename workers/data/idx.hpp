#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace edgesweep {

/// An IDX file of unsigned bytes (the format of MNIST, yann.lecun.com/exdb/mnist), plain or gzipped.
struct IdxFile {
  std::string path;
  std::vector<std::int64_t> sizes;  ///< items, then the dimensions of an item

  std::int64_t items() const { return sizes[0]; }
  std::int64_t item_bytes() const;
};

/// The first that exists of DIR/NAME, DIR/NAME.gz, DIR/mnist/NAME, DIR/mnist/NAME.gz. Throws InputError.
std::string find_idx_file(const std::string& directory, const std::string& name);

/// Reads the header and checks that magic, number of dimensions and length of the file agree. A gzipped file's length
/// is taken from its trailer; it is unpacked only if that contradicts the header. Throws InputError naming the file.
IdxFile open_idx(const std::string& path, std::size_t dimensions);

/// Bytes of the first `items` items, row-major. Throws InputError naming the file.
std::vector<std::uint8_t> read_idx(const IdxFile& file, std::int64_t items);

}  // namespace edgesweep
