#pragma once

#include <ATen/core/Tensor.h>

namespace edgesweep {

/// Lower triangle of X Xᵀ into the lower triangle of `out` (n × n, contiguous; the rest of `out` is undefined
/// afterwards) for X of n × k. On the CPU half the work of a full product (BLAS syrk).
void gram_lower(const at::Tensor& x, at::Tensor& out);

/// sum += (scale · G + shift) ∘ S on the lower triangle. G is n × n with its lower triangle filled, one row
/// an example; S and sum are (n·C) × (n·C), an example's C rows adjacent. An undefined S stands for 1 ⊗ I_C:
/// 1 where the outputs are the same, 0 elsewhere. G may be overwritten.
void add_weighted_gram(at::Tensor& g, double scale, double shift, const at::Tensor& s, at::Tensor& sum);

/// matrix ← factor × matrix, and the upper triangle ← the lower one: exactly symmetric.
void scale_and_mirror(at::Tensor& matrix, double factor);

}  // namespace edgesweep
