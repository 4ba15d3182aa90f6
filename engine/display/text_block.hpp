#pragma once

#include <cstddef>
#include <string>

namespace edgesweep {

/// Number of lines of a text whose lines all end.
std::size_t line_count(const std::string& text);

/// The first `height` lines, each cut to `width` characters (UTF-8, none of them cut in two).
std::string clipped(const std::string& text, std::size_t width, std::size_t height);

}  // namespace edgesweep
