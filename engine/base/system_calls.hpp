#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

// The calls by which edgesweep changes files, in one place: interruptions are tried again, short writes are gone on with,
// and a test can make each of them fail (fault_injection.hpp). `path` names the file for that. On failure errno says why.
namespace edgesweep::calls {

/// Writes all of it at the descriptor's position. False on failure; a part may have been written.
bool write(int descriptor, std::span<const std::byte> content, const std::string& path);

/// Writes all of it at `offset`. Likewise.
bool write_at(int descriptor, std::span<const std::byte> content, std::uint64_t offset, const std::string& path);

/// fsync(2). Some network file systems can't sync (mostly directories) and say so with EINVAL or ENOTSUP; there is
/// nothing more to do there, and that counts as done.
bool sync(int descriptor, const std::string& path);

/// fdatasync(2): of a file whose length never changes.
bool sync_data(int descriptor, const std::string& path);

/// rename(2).
bool rename(const std::string& from, const std::string& to);

}  // namespace edgesweep::calls
