#pragma once

#include <string>

namespace edgesweep {

/// Lines for people, on stderr, one write each: `edgesweep[rank]: text`, the text of the last two after `warning: ` and
/// `error: `. Nothing a person reads goes to stdout.
void log_info(const std::string& text);
void log_warning(const std::string& text);
void log_error(const std::string& text);

/// Rank shown in every later line; −1 (the default) shows none.
void set_log_rank(int rank);

/// A live line on a terminal, overwritten by the next and cleared before any log line; elsewhere a plain line.
void log_progress(const std::string& text);

}  // namespace edgesweep
