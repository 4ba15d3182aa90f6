#pragma once

#include <cstdint>

#include "workers/models/activation.hpp"

// The float32 loops of the CPU stepper that BLAS lacks or does slowly. Matrices are row-major and dense,
// sizes may be zero, arrays need no alignment and must not overlap. Compiled for several instruction sets,
// picked when the program starts; sums go in an order that depends on the sizes alone, so all of them give
// the same bits.
namespace edgesweep {

/// y_i = scale Σ_j M_ij x_j, M rows × columns.
void matrix_vector(std::int64_t rows, std::int64_t columns, float scale, const float* matrix, const float* x,
                   float* y);

/// y_j = beta y_j + scale Σ_i u_i M_ij. A beta of 0 ignores what y held.
void transposed_vector(std::int64_t rows, std::int64_t columns, float scale, const float* matrix,
                       const float* u, float beta, float* y);

/// M_ij = beta M_ij + scale u_i x_j. A beta of 0 ignores what M held.
void rank_one(std::int64_t rows, std::int64_t columns, float scale, const float* u, const float* x,
              float beta, float* matrix);

/// y_j = pull Σ_i u_i M_ij, then M_ij = M_ij + push u_i x_j, in one pass over M.
void pull_and_push(std::int64_t rows, std::int64_t columns, const float* u, const float* x, float pull,
                   float push, float* matrix, float* y);

/// a_ij += bias_j; null adds nothing.
void add_bias(std::int64_t rows, std::int64_t columns, const float* bias, float* a);

/// values = φ(a + bias), then a = φ'(a + bias). `bias` may be null.
void activate_rows(Activation activation, std::int64_t rows, std::int64_t columns, const float* bias,
                   float* a, float* values);

/// y = y ∘ x
void multiply(std::int64_t count, const float* x, float* y);

/// v = v + l2 θ, then θ = θ − eta v.
void velocity_step(std::int64_t count, float l2, float eta, float* velocity, float* theta);

/// Nesterov's: v = v + l2 θ, then θ = θ − eta ((1 + momentum) v − momentum v_old), where v came in as momentum v_old + g.
void nesterov_step(std::int64_t count, float l2, float momentum, float eta, const float* old_velocity, float* velocity,
                   float* theta);

/// Residuals f − y into `residuals`; returns Σ (f − y)², summed in double.
double residuals_and_square_sum(std::int64_t count, const float* f, const float* y, float* residuals);

}  // namespace edgesweep
