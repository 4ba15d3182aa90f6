#include "workers/models/float_kernels.hpp"

#include <algorithm>
#include <cstring>

#include "workers/models/float_math.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define EDGESWEEP_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EDGESWEEP_SANITIZED 1
#endif
#endif

// One copy of a function per instruction set, picked by the loader. Sanitizers are not ready when it picks.
#if defined(__x86_64__) && !defined(EDGESWEEP_SANITIZED)
#define EDGESWEEP_CLONES __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define EDGESWEEP_CLONES
#endif

namespace edgesweep {
namespace {

constexpr std::int64_t lanes = 16;
using Lanes [[gnu::vector_size(4 * lanes), gnu::aligned(4), gnu::may_alias]] = float;

EDGESWEEP_INLINE float lane_sum(const Lanes& sum) {
  float half[lanes];
  std::memcpy(half, &sum, sizeof half);
  for (std::int64_t width = lanes / 2; width > 0; width /= 2) {
    for (std::int64_t k = 0; k < width; ++k) half[k] += half[k + width];
  }
  return half[0];
}

struct Erf {
  EDGESWEEP_INLINE static float value(float a) { return float_math::erf(a); }
  EDGESWEEP_INLINE static float slope(float a, float) { return 1.12837917f * float_math::exp(-(a * a)); }
};
struct Tanh {
  EDGESWEEP_INLINE static float value(float a) { return float_math::tanh(a); }
  EDGESWEEP_INLINE static float slope(float, float h) { return 1.0f - h * h; }
};
struct Relu {
  // a NaN stays one, so that divergence is seen
  EDGESWEEP_INLINE static float value(float a) { return a < 0.0f ? 0.0f : a; }
  EDGESWEEP_INLINE static float slope(float a, float) { return a > 0.0f ? 1.0f : 0.0f; }
};
struct Gelu {
  EDGESWEEP_INLINE static float distribution(float a) {
    return 0.5f + 0.5f * float_math::erf(0.707106781f * a);
  }
  EDGESWEEP_INLINE static float value(float a) { return a * distribution(a); }
  EDGESWEEP_INLINE static float slope(float a, float) {
    return distribution(a) + a * (0.398942280f * float_math::exp(-0.5f * (a * a)));
  }
};
struct Elu {
  EDGESWEEP_INLINE static float value(float a) {
    const float negative = float_math::expm1_negative(a > 0.0f ? 0.0f : a);
    return a > 0.0f ? a : negative;
  }
  EDGESWEEP_INLINE static float slope(float a, float) { return float_math::exp(a > 0.0f ? 0.0f : a); }
};
struct Softplus {
  EDGESWEEP_INLINE static float value(float a) {
    const float tail = float_math::log1p_unit(float_math::exp(a > 0.0f ? -a : a));
    return (a < 0.0f ? 0.0f : a) + tail;
  }
  EDGESWEEP_INLINE static float slope(float a, float) {
    const float e = float_math::exp(a > 0.0f ? -a : a);
    return (a > 0.0f ? 1.0f : e) / (1.0f + e);
  }
};
struct Hardtanh {
  // a NaN stays one here too
  EDGESWEEP_INLINE static float value(float a) { return a < -1.0f ? -1.0f : (a > 1.0f ? 1.0f : a); }
  EDGESWEEP_INLINE static float slope(float a, float) { return a > -1.0f && a < 1.0f ? 1.0f : 0.0f; }
};
struct Linear {
  EDGESWEEP_INLINE static float value(float a) { return a; }
  EDGESWEEP_INLINE static float slope(float, float) { return 1.0f; }
};

template <typename Function>
EDGESWEEP_INLINE void activate_row(std::int64_t columns, const float* __restrict bias, float* __restrict a,
                                   float* __restrict values) {
  for (std::int64_t j = 0; j < columns; ++j) {
    const float x = bias == nullptr ? a[j] : a[j] + bias[j];
    const float h = Function::value(x);
    values[j] = h;
    a[j] = Function::slope(x, h);
  }
}

template <typename Function>
EDGESWEEP_INLINE void activate_all(std::int64_t rows, std::int64_t columns, const float* bias, float* a,
                                   float* values) {
  if (bias == nullptr) {
    activate_row<Function>(rows * columns, nullptr, a, values);
    return;
  }
  for (std::int64_t i = 0; i < rows; ++i)
    activate_row<Function>(columns, bias, a + i * columns, values + i * columns);
}

}  // namespace

EDGESWEEP_CLONES
void matrix_vector(std::int64_t rows, std::int64_t columns, float scale, const float* matrix, const float* x,
                   float* y) {
  const std::int64_t whole = columns - columns % lanes;
  // Four rows at a time, to hide the latency of the additions; a row's sum does not depend on its neighbours.
  for (std::int64_t i = 0; i < rows; i += 4) {
    const std::int64_t count = std::min<std::int64_t>(4, rows - i);
    const float* row[4];
    for (std::int64_t k = 0; k < 4; ++k) row[k] = matrix + (i + std::min(k, count - 1)) * columns;
    Lanes sum0{}, sum1{}, sum2{}, sum3{};
    for (std::int64_t j = 0; j < whole; j += lanes) {
      const Lanes xj = *reinterpret_cast<const Lanes*>(x + j);
      sum0 += xj * *reinterpret_cast<const Lanes*>(row[0] + j);
      sum1 += xj * *reinterpret_cast<const Lanes*>(row[1] + j);
      sum2 += xj * *reinterpret_cast<const Lanes*>(row[2] + j);
      sum3 += xj * *reinterpret_cast<const Lanes*>(row[3] + j);
    }
    float total[4] = {lane_sum(sum0), lane_sum(sum1), lane_sum(sum2), lane_sum(sum3)};
    for (std::int64_t k = 0; k < count; ++k) {
      for (std::int64_t j = whole; j < columns; ++j) total[k] += x[j] * row[k][j];
      y[i + k] = scale * total[k];
    }
  }
}

EDGESWEEP_CLONES
void transposed_vector(std::int64_t rows, std::int64_t columns, float scale, const float* matrix,
                       const float* u, float beta, float* __restrict y) {
  if (beta == 0) {
    for (std::int64_t j = 0; j < columns; ++j) y[j] = 0;
  } else {
    for (std::int64_t j = 0; j < columns; ++j) y[j] *= beta;
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* __restrict row = matrix + i * columns;
    const float factor = scale * u[i];
    for (std::int64_t j = 0; j < columns; ++j) y[j] += factor * row[j];
  }
}

EDGESWEEP_CLONES
void rank_one(std::int64_t rows, std::int64_t columns, float scale, const float* u, const float* __restrict x,
              float beta, float* __restrict matrix) {
  for (std::int64_t i = 0; i < rows; ++i) {
    float* __restrict row = matrix + i * columns;
    const float factor = scale * u[i];
    if (beta == 0) {
      for (std::int64_t j = 0; j < columns; ++j) row[j] = factor * x[j];
    } else {
      for (std::int64_t j = 0; j < columns; ++j) row[j] = beta * row[j] + factor * x[j];
    }
  }
}

EDGESWEEP_CLONES
void pull_and_push(std::int64_t rows, std::int64_t columns, const float* u, const float* __restrict x,
                   float pull, float push, float* __restrict matrix, float* __restrict y) {
  for (std::int64_t j = 0; j < columns; ++j) y[j] = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    float* __restrict row = matrix + i * columns;
    const float pulled = pull * u[i], pushed = push * u[i];
    for (std::int64_t j = 0; j < columns; ++j) {
      const float m = row[j];
      y[j] += pulled * m;
      row[j] = m + pushed * x[j];
    }
  }
}

EDGESWEEP_CLONES
void add_bias(std::int64_t rows, std::int64_t columns, const float* bias, float* a) {
  if (bias == nullptr) return;
  for (std::int64_t i = 0; i < rows; ++i) {
    float* __restrict row = a + i * columns;
    for (std::int64_t j = 0; j < columns; ++j) row[j] += bias[j];
  }
}

EDGESWEEP_CLONES
void activate_rows(Activation activation, std::int64_t rows, std::int64_t columns, const float* bias,
                   float* a, float* values) {
  switch (activation) {
    case Activation::erf:
      return activate_all<Erf>(rows, columns, bias, a, values);
    case Activation::tanh:
      return activate_all<Tanh>(rows, columns, bias, a, values);
    case Activation::relu:
      return activate_all<Relu>(rows, columns, bias, a, values);
    case Activation::gelu:
      return activate_all<Gelu>(rows, columns, bias, a, values);
    case Activation::elu:
      return activate_all<Elu>(rows, columns, bias, a, values);
    case Activation::softplus:
      return activate_all<Softplus>(rows, columns, bias, a, values);
    case Activation::hardtanh:
      return activate_all<Hardtanh>(rows, columns, bias, a, values);
    case Activation::linear:
      return activate_all<Linear>(rows, columns, bias, a, values);
  }
}

EDGESWEEP_CLONES
void multiply(std::int64_t count, const float* __restrict x, float* __restrict y) {
  for (std::int64_t j = 0; j < count; ++j) y[j] *= x[j];
}

EDGESWEEP_CLONES
void velocity_step(std::int64_t count, float l2, float eta, float* __restrict velocity,
                   float* __restrict theta) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float v = velocity[j] + l2 * theta[j];
    velocity[j] = v;
    theta[j] -= eta * v;
  }
}

void nesterov_step(std::int64_t count, float l2, float momentum, float eta, const float* __restrict old_velocity,
                   float* __restrict velocity, float* __restrict theta) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float v = velocity[j] + l2 * theta[j];
    velocity[j] = v;
    theta[j] -= eta * ((1 + momentum) * v - momentum * old_velocity[j]);
  }
}

double residuals_and_square_sum(std::int64_t count, const float* f, const float* y, float* residuals) {
  double sum = 0;
  for (std::int64_t j = 0; j < count; ++j) {
    const float r = f[j] - y[j];
    residuals[j] = r;
    sum += static_cast<double>(r) * r;
  }
  return sum;
}

}  // namespace edgesweep
