#include "engine/cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace edgesweep {

TextSize terminal_size() {
  TextSize size;
  winsize window{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    size = {window.ws_col, window.ws_row};
  }
  return size;
}

}  // namespace edgesweep
