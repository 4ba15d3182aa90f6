#include "analysis/heading.hpp"

#include "analysis/gnuplot.hpp"
#include "analysis/table_text.hpp"

namespace edgesweep {
namespace {

bool starts_letter(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}

/// Bytes of the first `letters` letters of UTF-8 text.
std::size_t bytes_of(const std::string& text, std::size_t letters) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (starts_letter(text[at]) && letters-- == 0) break;
  }
  return at;
}

}  // namespace

std::vector<std::string> wrap_heading(const std::string& text) {
  if (text.empty()) return {};
  const std::size_t whole = bytes_of(text, kHeadingLetters);
  if (whole == text.size()) return {text};
  const std::size_t space = text.rfind(' ', whole);
  // A word longer than half a line is broken.
  const bool at_space = space != std::string::npos && space > whole / 2;
  const std::string first = text.substr(0, at_space ? space : whole);
  std::string second = text.substr(at_space ? space + 1 : whole);
  if (bytes_of(second, kHeadingLetters) < second.size()) {
    second.resize(bytes_of(second, kHeadingLetters - 1));
    second += "…";
  }
  return {first, second};
}

std::string heading_labels(const std::string& title, const std::string& heading, double centre) {
  const auto place = [centre](double height) {
    return " at screen " + number_text(centre) + "," + number_text(height) + " center\n";
  };
  std::string script = "set label 1 \"{/:Bold=17 " + title + "}\"" + place(0.968);
  const std::vector<std::string> lines = wrap_heading(heading);
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const double height = lines.size() == 1 ? 0.927 : 0.938 - 0.024 * static_cast<double>(at);
    script += "set label " + std::to_string(at + 2) + " \"{/=11 \" . " + text_literal(lines[at]) +
              " . \"}\"" + place(height);
  }
  return script;
}

}  // namespace edgesweep
