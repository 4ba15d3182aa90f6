#include "workers/theory/root.hpp"

#include <gtest/gtest.h>

#include <cmath>


namespace edgesweep {
namespace {

TEST(RootIn, FindsRootsOfSmoothAndOfKinkedFunctions) {
  int calls = 0;
  const auto counted = [&](auto f) {
    return [&calls, f](double x) {
      ++calls;
      return f(x);
    };
  };
  const auto smooth = counted([](double x) { return std::exp(x) - 2; });
  EXPECT_NEAR(root_in(smooth, {0, -1, 1, std::exp(1.0) - 2}, 1e-13), std::log(2.0), 1e-13);
  EXPECT_LE(calls, 12);
  calls = 0;
  // As of a largest eigenvalue: flat below the root, steep above.
  const auto kinked = counted([](double x) { return x < 0.3 ? 1e-9 * (x - 0.3) : 5 * (x - 0.3); });
  EXPECT_NEAR(root_in(kinked, {0, -3e-10, 1, 3.5}, 1e-12), 0.3, 1e-12);
  EXPECT_LE(calls, 100);
}

TEST(RootIn, TakesAnEndThatIsARoot) {
  const auto f = [](double x) { return x; };
  EXPECT_EQ(root_in(f, {0, 0, 1, 1}, 1e-9), 0);
  EXPECT_EQ(root_in(f, {-1, -1, 0, 0}, 1e-9), 0);
}

TEST(RootIn, EndsWhereDoublesAreNoCloser) {
  const auto f = [](double x) { return x * x - 2; };
  EXPECT_NEAR(root_in(f, {1, -1, 2, 2}, 0), std::sqrt(2.0), 1e-15);
}

}  // namespace
}  // namespace edgesweep
