#pragma once

#include <optional>
#include <string>

namespace edgesweep {

/// Seconds of a clock that never jumps; only differences mean something.
double monotonic_seconds();

/// Seconds since 1970, for moments that other programs name.
double unix_seconds();

/// 2026-01-31T12:00:00Z
std::string utc_timestamp();

/// The same of a moment in seconds since 1970.
std::string utc_timestamp(double unix_time);

/// Seconds since 1970 of such a text; empty if it is none.
std::optional<double> read_utc_timestamp(const std::string& text);

}  // namespace edgesweep
