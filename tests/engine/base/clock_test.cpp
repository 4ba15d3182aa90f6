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

}  // namespace
}  // namespace edgesweep
