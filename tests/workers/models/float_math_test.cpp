#include "workers/models/float_math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgesweep {
namespace {

/// Largest |f(x) − reference(x)| over a grid of [low, high], in units of the last place of the reference.
template <typename F, typename Reference>
double worst_ulp(F f, Reference reference, float low, float high) {
  double worst = 0;
  const int count = 400'000;
  for (int i = 0; i <= count; ++i) {
    const float x = low + (high - low) * static_cast<float>(i) / count;
    const double exact = reference(static_cast<double>(x));
    const float size = std::max(std::abs(static_cast<float>(exact)), std::numeric_limits<float>::min());
    const double ulp = static_cast<double>(std::nextafter(size, INFINITY)) - static_cast<double>(size);
    worst = std::max(worst, std::abs(static_cast<double>(f(x)) - exact) / ulp);
  }
  return worst;
}

// Without fused multiply–add the roundings of numerator and denominator add up: most values are good to 2
// units in the last place, the worst, near saturation, to 7.
TEST(FloatMath, ErfIsWithinEightUlpOfTheMathLibrary) {
  EXPECT_LT(
      worst_ulp([](float x) { return float_math::erf(x); }, [](double x) { return std::erf(x); }, -6, 6), 8);
  EXPECT_LT(worst_ulp([](float x) { return float_math::erf(x); }, [](double x) { return std::erf(x); },
                      -1e-3f, 1e-3f),
            8);
}

TEST(FloatMath, ExpIsWithinTwoUlpOfTheMathLibrary) {
  EXPECT_LT(
      worst_ulp([](float x) { return float_math::exp(x); }, [](double x) { return std::exp(x); }, -87, 88),
      2);
  EXPECT_LT(
      worst_ulp([](float x) { return float_math::exp(x); }, [](double x) { return std::exp(x); }, -1, 1), 2);
}

TEST(FloatMath, TanhIsWithinEightUlpOfTheMathLibrary) {
  EXPECT_LT(
      worst_ulp([](float x) { return float_math::tanh(x); }, [](double x) { return std::tanh(x); }, -10, 10),
      8);
  EXPECT_LT(worst_ulp([](float x) { return float_math::tanh(x); }, [](double x) { return std::tanh(x); },
                      -1e-3f, 1e-3f),
            8);
}

TEST(FloatMath, Expm1AndLog1pAreWithinEightUlpOfTheMathLibrary) {
  EXPECT_LT(worst_ulp([](float x) { return float_math::expm1_negative(x); },
                      [](double x) { return std::expm1(x); }, -20, 0),
            8);
  EXPECT_LT(worst_ulp([](float x) { return float_math::expm1_negative(x); },
                      [](double x) { return std::expm1(x); }, -1e-3f, 0),
            8);
  EXPECT_LT(worst_ulp([](float x) { return float_math::log1p_unit(x); },
                      [](double x) { return std::log1p(x); }, 0, 1),
            4);
}

TEST(FloatMath, LimitsAndNotANumberPass) {
  const float infinity = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NEAR(float_math::erf(infinity), 1, 2e-7);
  EXPECT_NEAR(float_math::tanh(-infinity), -1, 2e-7);
  EXPECT_LT(float_math::exp(-infinity), 1e-37f);
  EXPECT_TRUE(std::isnan(float_math::erf(nan)));
  EXPECT_TRUE(std::isnan(float_math::tanh(nan)));
  EXPECT_TRUE(std::isnan(float_math::exp(nan)));
}

}  // namespace
}  // namespace edgesweep
