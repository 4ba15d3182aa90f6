#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace edgesweep {

/// Bytes of a file.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t end() const { return offset + length; }
};

// HDF5 trusts most of a file's metadata, which carries no checksums in the format of HDF5 1.8: a flipped bit may give other
// values in silence, or a crash. So a store ends with a seal, behind what HDF5 reads: one line of text with the digest of
// all bytes that never change after the store was made. A program that rewrites the file through HDF5 drops the seal.

/// Appends a seal to a file in which only the bytes of `values` may change from now on: in order, inside the file, and
/// without overlap. Throws SystemError.
void seal_file(const std::string& path, const std::vector<ByteRange>& values);

/// Where what is sealed ends; empty if the file has no seal. Throws InputError if the bytes are not those that were sealed.
std::optional<std::uint64_t> check_seal(const std::string& path);

}  // namespace edgesweep
