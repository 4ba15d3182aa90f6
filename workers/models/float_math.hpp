#pragma once

#include <bit>
#include <cstdint>

#include "workers/inline.hpp"

// Elementary functions in float32 without branches, calls or table look-ups, so that a loop over them
// vectorises. No fused multiply–add: the result is the same bits at any vector width. NaN in, NaN out. Errors
// are tested against float64 (float_math_test.cpp).
namespace edgesweep::float_math {

/// Written so that a NaN passes.
EDGESWEEP_INLINE float clamp(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/// e^x for x in [−87.3, 88.3], clamped outside. Cephes expf: x = n ln 2 + r, polynomial in r.
EDGESWEEP_INLINE float exp(float x) {
  x = clamp(x, -87.3f, 88.3f);
  constexpr float shift = 12582912.0f;  // 1.5 · 2^23: adding it leaves round(x log₂ e) in the low bits
  const float shifted = x * 1.44269504f + shift;
  const float n = shifted - shift;
  // ln 2 in two parts, the first exact in 9 bits, so that n times it is exact.
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r * r + r) + 1.0f;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u;
  return p * std::bit_cast<float>(power);
}

/// erf x: odd rational function of Eigen and XLA on |x| ≤ 4, where 1 − |erf x| falls below float32's
/// resolution.
EDGESWEEP_INLINE float erf(float x) {
  x = clamp(x, -4.0f, 4.0f);
  const float x2 = x * x;
  float p = -2.72614225801306e-10f;
  p = p * x2 + 2.77068142495902e-08f;
  p = p * x2 + -2.10102402082508e-06f;
  p = p * x2 + -5.69250639462346e-05f;
  p = p * x2 + -7.34990630326855e-04f;
  p = p * x2 + -2.95459980854025e-03f;
  p = p * x2 + -1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * x2 + -2.13374055278905e-04f;
  q = q * x2 + -1.68282697438203e-03f;
  q = q * x2 + -7.37332916720468e-03f;
  q = q * x2 + -1.42647390514189e-02f;
  return x * p / q;
}

/// tanh x: odd rational function of Eigen on |x| ≤ 7.9.
EDGESWEEP_INLINE float tanh(float x) {
  x = clamp(x, -7.90531110763549805f, 7.90531110763549805f);
  const float x2 = x * x;
  float p = -2.76076847742355e-16f;
  p = p * x2 + 2.00018790482477e-13f;
  p = p * x2 + -8.60467152213735e-11f;
  p = p * x2 + 5.12229709037114e-08f;
  p = p * x2 + 1.48572235717979e-05f;
  p = p * x2 + 6.37261928875436e-04f;
  p = p * x2 + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * x2 + 1.18534705686654e-04f;
  q = q * x2 + 2.26843463243900e-03f;
  q = q * x2 + 4.89352518554385e-03f;
  return x * p / q;
}

/// e^x − 1 for x ≤ 0, without cancellation at 0: 2t / (1 − t), t = tanh(x/2).
EDGESWEEP_INLINE float expm1_negative(float x) {
  const float t = tanh(0.5f * x);
  return 2.0f * t / (1.0f - t);
}

/// log(1 + x) for x in [0, 1]: 2 atanh z, z = x / (2 + x) ≤ 1/3, by its series (next term below 3e-10 of the
/// result).
EDGESWEEP_INLINE float log1p_unit(float x) {
  const float z = x / (2.0f + x);
  const float z2 = z * z;
  float p = 1.0f / 17;
  p = p * z2 + 1.0f / 15;
  p = p * z2 + 1.0f / 13;
  p = p * z2 + 1.0f / 11;
  p = p * z2 + 1.0f / 9;
  p = p * z2 + 1.0f / 7;
  p = p * z2 + 1.0f / 5;
  p = p * z2 + 1.0f / 3;
  return 2.0f * (z + z * (z2 * p));
}

}  // namespace edgesweep::float_math
