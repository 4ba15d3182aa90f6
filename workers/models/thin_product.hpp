#pragma once

#include <cstdint>

namespace edgesweep {

/// Whether thin_product is there on this CPU and, as measured (docs/performance.md), faster than OpenBLAS at so many rows.
bool thin_product_pays(std::int64_t batch);

/// Floats of scratch space that thin_product needs.
std::int64_t thin_product_scratch(std::int64_t out, std::int64_t in);

/// Call it only where it pays: a = scale · x wᵀ in float32 for a small batch: x is batch × in, w out × in, a batch × out, row-major, dense.
/// BLAS copies the larger matrix into its own order first, which at 32 rows costs a fifth of the product and at 8 as much as
/// the product itself; here the small one is transposed and w is read once, as it lies. Sums run over `in` in order, with FMA.
void thin_product(std::int64_t batch, std::int64_t out, std::int64_t in, float scale, const float* x,
                  const float* w, float* a, float* scratch);

}  // namespace edgesweep
