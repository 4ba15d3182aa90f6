#pragma once

#include <string>

namespace edgesweep {

/// Seconds of a clock that never jumps; only differences mean something.
double monotonic_seconds();

/// Seconds since 1970, for moments that other programs name.
double unix_seconds();

/// 2026-01-31T12:00:00Z
std::string utc_timestamp();

}  // namespace edgesweep
