#include "engine/base/log.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <string_view>

namespace edgesweep {
namespace {

constexpr std::string_view clear_line = "\r\x1b[K";

struct State {
  std::mutex mutex;
  int rank = -1;
  bool progress_shown = false;
};

State& state() {
  static State instance;
  return instance;
}

std::string prefix(int rank) {
  return rank < 0 ? "edgesweep: " : "edgesweep[" + std::to_string(rank) + "]: ";
}

// One write for a whole line keeps the lines of several ranks apart. There is nowhere to report a failure to.
void write_stderr(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) {
      return;
    }
    rest.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
}

void write_line(const char* severity, const std::string& text) {
  const std::lock_guard lock(state().mutex);
  std::string line;
  if (state().progress_shown) {
    line = clear_line;
    state().progress_shown = false;
  }
  write_stderr(line + prefix(state().rank) + severity + text + "\n");
}

// A live line that wraps can't be overwritten: it is cut to the terminal's width, between UTF-8 characters.
std::string fitted(const std::string& text) {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return text;
  }
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts_character && ++columns >= size.ws_col) {
      return text.substr(0, i);
    }
  }
  return text;
}

}  // namespace

void log_info(const std::string& text) {
  write_line("", text);
}
void log_warning(const std::string& text) {
  write_line("warning: ", text);
}
void log_error(const std::string& text) {
  write_line("error: ", text);
}

void set_log_rank(int rank) {
  const std::lock_guard lock(state().mutex);
  state().rank = rank;
}

void log_progress(const std::string& text) {
  if (isatty(STDERR_FILENO) == 0) {
    log_info(text);
    return;
  }
  const std::lock_guard lock(state().mutex);
  write_stderr(std::string(clear_line) + fitted(prefix(state().rank) + text));
  state().progress_shown = true;
}

}  // namespace edgesweep
