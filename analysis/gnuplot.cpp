#include "analysis/gnuplot.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "analysis/table_text.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"

namespace edgesweep {
namespace {

/// Viridis at tenths of the map, 0xrrggbb.
constexpr int kViridis[] = {0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c,
                            0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0xfde725};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using TemporaryFile = std::unique_ptr<std::FILE, CloseFile>;

TemporaryFile temporary_file() {
  TemporaryFile file(std::tmpfile());
  if (!file) throw SystemError("temporary file", std::strerror(errno));
  return file;
}

std::string content(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int letter = std::fgetc(file); letter != EOF; letter = std::fgetc(file))
    text += static_cast<char>(letter);
  return text;
}

/// Starts gnuplot with files instead of pipes for its script and messages: neither side can block the other.
pid_t spawn_gnuplot(std::FILE* script, std::FILE* messages) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(messages), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(messages), STDERR_FILENO);
  char program[] = "gnuplot";
  char* const arguments[] = {program, nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    throw InputError("gnuplot",
                     "not found in PATH, and plots need it (Debian, Ubuntu: apt-get install gnuplot-nox)");
  }
  if (error != 0) throw SystemError("gnuplot", std::string("can't be started: ") + std::strerror(error));
  return child;
}

std::string in_single_quotes(const std::string& path) {
  std::string quoted = "'";
  for (const char letter : path) quoted += letter == '\'' ? std::string("''") : std::string(1, letter);
  return quoted + "'";
}

std::vector<double> log_tick_positions(double low, double high) {
  const double decades = std::log10(high / low);
  std::vector<double> steps{1};
  if (decades < 3) steps = {1, 2, 5};
  if (decades < 1.2) steps = {1, 1.5, 2, 3, 5, 7};
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  std::vector<double> positions;
  for (int power = static_cast<int>(std::floor(std::log10(low))); power <= std::log10(high); ++power) {
    if (power % stride != 0) continue;
    for (const double step : steps) {
      const double value = step * std::pow(10.0, power);
      if (value >= low * 0.999 && value <= high * 1.001) positions.push_back(value);
    }
  }
  return positions;
}

}  // namespace

void run_gnuplot(const std::string& script) {
  const TemporaryFile input = temporary_file();
  const TemporaryFile messages = temporary_file();
  if (std::fwrite(script.data(), 1, script.size(), input.get()) != script.size() ||
      std::fflush(input.get()) != 0) {
    throw SystemError("temporary file", std::strerror(errno));
  }
  std::rewind(input.get());
  const pid_t child = spawn_gnuplot(input.get(), messages.get());
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw SystemError("gnuplot", std::string("lost: ") + std::strerror(errno));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw SystemError("gnuplot", "failed: " + content(messages.get()));
}

std::string text_literal(const std::string& text) {
  std::string literal = "'";
  for (const char letter : text) {
    if (letter == '\n' || letter == '\r') {
      literal += ' ';
      continue;
    }
    if (std::strchr("_^@&~{}\\", letter) != nullptr) literal += '\\';
    if (letter == '\'') literal += '\'';
    literal += letter;
  }
  return literal + "'";
}

std::string datablock(const std::string& name, const std::vector<std::vector<double>>& rows) {
  std::string text = "$" + name + " << EOD\n";
  for (const auto& row : rows) {
    for (const double value : row) text += number_text(value) + " ";
    text += "\n";
  }
  return text + "EOD\n";
}

std::string viridis_palette(double end) {
  std::string text = "set palette maxcolors 0\nset palette defined (";
  const int last = static_cast<int>(std::lround(end * 10));
  for (int at = 0; at <= last; ++at) {
    text += (at > 0 ? ", " : "") + std::to_string(at) + " '" + viridis_colour(0.1 * at) + "'";
  }
  return text + ")\n";
}

std::string viridis_colour(double share) {
  const double place = std::clamp(share, 0.0, 1.0) * 10;
  const int below = std::min(static_cast<int>(place + 1e-9), 9);
  int mixed = 0;
  for (const int shift : {16, 8, 0}) {
    const int from = kViridis[below] >> shift & 0xff;
    const int to = kViridis[below + 1] >> shift & 0xff;
    mixed |= static_cast<int>(std::lround(from + (place - below) * (to - from))) << shift;
  }
  char text[16];
  std::snprintf(text, sizeof text, "#%06x", static_cast<unsigned>(mixed));
  return text;
}

std::string log_ticks(double low, double high) {
  const std::vector<double> positions = log_tick_positions(low, high);
  // Plain numbers if all are short, powers of ten otherwise: one way of writing on one axis.
  const bool plain = !positions.empty() && positions.front() >= 0.999e-3 && positions.back() <= 1.001e4;
  std::string text;
  for (const double value : positions) {
    const int power = static_cast<int>(std::floor(std::log10(value) + 1e-9));
    const double step = value / std::pow(10.0, power);
    char label[64];
    if (plain) {
      std::snprintf(label, sizeof label, "%g", value);
    } else if (std::abs(step - 1) < 1e-6) {
      std::snprintf(label, sizeof label, "10^{%d}", power);
    } else {
      std::snprintf(label, sizeof label, "%g×10^{%d}", step, power);
    }
    text.append(text.empty() ? "(\"" : ", \"").append(label).append("\" ").append(number_text(value));
  }
  return text.empty() ? "()" : text + ")";
}

std::string without_labels(const std::string& ticks) {
  std::string text;
  bool inside = false;
  for (const char letter : ticks) {
    if (letter == '"') inside = !inside;
    if (!inside || letter == '"') text += letter;
  }
  return text;
}

void write_picture(const std::string& directory, const Picture& picture) {
  const std::string size = std::to_string(picture.width) + "," + std::to_string(picture.height);
  const std::string terminals[][2] = {
      {".svg", "set terminal svg enhanced size " + size +
                   " dynamic font 'DejaVu Sans,Helvetica,sans-serif,14' background '#ffffff'\n"},
      {".png",
       "set terminal pngcairo enhanced size " + size + " font 'DejaVu Sans,11' background '#ffffff'\n"}};
  for (const auto& [ending, terminal] : terminals) {
    const std::string path = directory + "/" + picture.name + ending;
    const std::string partial = path + ".partial." + std::to_string(getpid());
    try {
      run_gnuplot("set encoding utf8\n" + terminal + "set output " + in_single_quotes(partial) + "\n" +
                  picture.script + "\nunset output\n");
      sync_path(partial);
      std::filesystem::rename(partial, path);
    } catch (...) {
      std::error_code ignored;
      std::filesystem::remove(partial, ignored);
      throw;
    }
  }
}

}  // namespace edgesweep
