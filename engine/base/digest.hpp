#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace edgesweep {

/// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view text);
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace edgesweep
