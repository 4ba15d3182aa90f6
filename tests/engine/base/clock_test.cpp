#include "engine/base/clock.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace edgesweep {
namespace {

TEST(Clock, NeverGoesBack) {
  double last = monotonic_seconds();
  for (int i = 0; i < 1000; ++i) {
    const double now = monotonic_seconds();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, WritesTheTimeInUtcAsIso8601) {
  EXPECT_TRUE(std::regex_match(utc_timestamp(), std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ)")));
}

TEST(Clock, ReadsWhatItWrites) {
  // `date -u -d @1769860800`
  EXPECT_EQ(utc_timestamp(1769860800.9), "2026-01-31T12:00:00Z");
  EXPECT_EQ(read_utc_timestamp("2026-01-31T12:00:00Z"), 1769860800.0);
  for (const char* wrong : {"", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00Z ", "yesterday"}) {
    EXPECT_FALSE(read_utc_timestamp(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace edgesweep
