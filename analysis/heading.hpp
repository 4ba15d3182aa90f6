#pragma once

#include <string>
#include <vector>

namespace edgesweep {

/// Letters of a heading that fit on one line of a picture 1000 pixels wide.
constexpr std::size_t kHeadingLetters = 115;

/// A heading in at most two lines of kHeadingLetters letters (UTF-8) each, broken at spaces where that is
/// possible; what is left over is cut and shown as "…". Empty for an empty text.
std::vector<std::string> wrap_heading(const std::string& text);

/// gnuplot labels 1 to 3 above a picture: `title` (enhanced text) and below it `heading`, shown as it is.
/// `centre` is their horizontal position, a share of the screen.
std::string heading_labels(const std::string& title, const std::string& heading, double centre);

}  // namespace edgesweep
