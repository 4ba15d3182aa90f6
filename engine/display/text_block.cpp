#include "engine/display/text_block.hpp"

#include <algorithm>

namespace edgesweep {

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string clipped(const std::string& text, std::size_t width, std::size_t height) {
  std::string result;
  std::size_t lines = 0;
  std::size_t columns = 0;
  for (const char character : text) {
    if (lines == height) {
      break;
    }
    if (character == '\n') {
      result += character;
      ++lines;
      columns = 0;
      continue;
    }
    const bool starts_character = (static_cast<unsigned char>(character) & 0xC0) != 0x80;
    columns += starts_character ? 1 : 0;
    if (columns <= width) {
      result += character;
    }
  }
  return result;
}

}  // namespace edgesweep
