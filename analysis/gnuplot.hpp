#pragma once

#include <string>
#include <vector>

namespace edgesweep {

/// Runs gnuplot on a script. Throws InputError if gnuplot is not installed, SystemError with its message if
/// it fails.
void run_gnuplot(const std::string& script);

/// A gnuplot string that shows `text` as it is: enhanced-text markup escaped, in single quotes, in which
/// gnuplot does not run what stands between backquotes.
std::string text_literal(const std::string& text);

/// A named block of data, `$name << EOD`: one line a row; an empty row is an empty line, which breaks a line
/// plot. NaN is written as NaN, which gnuplot leaves out.
std::string datablock(const std::string& name, const std::vector<std::vector<double>>& rows);

/// `set palette` with the viridis colours, perceptually uniform (van der Walt & Smith 2015), up to the share
/// `end` of the map; its last tenth is too pale for lines on white.
std::string viridis_palette(double end);

/// The colour at a share of the map from 0 to 1, "#rrggbb".
std::string viridis_colour(double share);

/// Tick positions and labels `("0.1" 0.1, …)` of a log axis: powers of ten, with 1-2-5 steps where there are
/// few.
std::string log_ticks(double low, double high);

/// The same ticks without their labels.
std::string without_labels(const std::string& ticks);

/// One picture: what is drawn, apart from where it goes.
struct Picture {
  std::string name;  ///< file name without ending
  int width;         ///< pixels
  int height;
  std::string script;
};

/// Draws DIRECTORY/name.svg and .png, each whole or not at all. Throws as run_gnuplot.
void write_picture(const std::string& directory, const Picture& picture);

}  // namespace edgesweep
