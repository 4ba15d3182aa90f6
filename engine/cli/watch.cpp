#include "engine/cli/watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>
#include <utility>

#include "engine/base/clock.hpp"
#include "engine/base/log.hpp"
#include "engine/base/signals.hpp"
#include "engine/cli/terminal.hpp"
#include "engine/display/status_text.hpp"
#include "engine/display/store_status.hpp"
#include "engine/display/text_block.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/store_lock.hpp"

namespace edgesweep {
namespace {

/// Draws texts over each other without changing any setting of the terminal: however the process ends, there is
/// nothing to restore, and the last text stays.
class LiveText {
 public:
  void draw(const std::string& text, TextSize size) {
    std::string frame;
    if (size.width != size_.width || size.height != size_.height) {
      frame = lines_ > 0 ? "\x1b[H\x1b[2J" : "";  // lines may have been wrapped anew: nobody knows how many there are
    } else if (lines_ > 0) {
      frame = "\x1b[" + std::to_string(lines_) + "A\r";
    }
    for (const char character : text) {
      if (character == '\n') {
        frame += "\x1b[K";
      }
      frame += character;
    }
    frame += "\x1b[J";
    std::fwrite(frame.data(), 1, frame.size(), stderr);
    std::fflush(stderr);
    lines_ = line_count(text);
    size_ = size;
  }

 private:
  std::size_t lines_ = 0;
  TextSize size_;
};

class Watcher {
 public:
  explicit Watcher(bool json) : json_(json), live_(!json && isatty(STDERR_FILENO) != 0) {}

  /// False if nobody reads any more.
  bool show(const Json& status) {
    if (json_) {
      std::cout << status.dump() << std::endl;
      return static_cast<bool>(std::cout);
    }
    if (live_) {
      TextSize size = terminal_size();
      size.height -= size.height > 1 ? 1 : 0;  // the cursor is below the text
      live_text_.draw(status_text(status, size), size);
      return true;
    }
    Json shown = {status.at("counts"), status.at("records"), status.at("state")};
    if (shown != shown_) {
      log_info(status_line(status));
      shown_ = std::move(shown);
    }
    return true;
  }

  /// Once, while there is no store yet.
  void waiting(const std::string& store) {
    if (!said_waiting_) {
      log_info(store + " is not made yet; its run starts");
    }
    said_waiting_ = true;
  }

 private:
  bool json_;
  bool live_;
  bool said_waiting_ = false;
  LiveText live_text_;
  Json shown_;
};

/// False if a stop signal came.
bool pause(double seconds) {
  const double end = monotonic_seconds() + seconds;
  while (stop_signal() == 0) {
    const double left = end - monotonic_seconds();
    if (left <= 0) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.05)));
  }
  return false;
}

}  // namespace

ExitCode watch_status(const std::string& store, const Catalog& catalog, double period_seconds, bool json) {
  install_stop_signals();
  Watcher watcher(json);
  do {
    if (!std::filesystem::exists(store) && is_owned(StorePaths{store}.lock())) {
      watcher.waiting(store);
      continue;
    }
    const Json status = store_status(store, catalog);
    if (!watcher.show(status) || !status.at("owned").get<bool>()) {
      return ExitCode::success;
    }
  } while (pause(period_seconds));
  return ExitCode::interrupted;
}

}  // namespace edgesweep
