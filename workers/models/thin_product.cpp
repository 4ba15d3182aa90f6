#include "workers/models/thin_product.hpp"

#include <algorithm>

#include "workers/models/float_math.hpp"

// Compiled with -ffp-contract=fast (CMakeLists.txt): a product and its sum become one FMA.
namespace edgesweep {
namespace {

constexpr std::int64_t widest = 32;  // rows of x that one pass over w takes

template <std::int64_t lanes>
struct Lanes {
  using Type [[gnu::vector_size(4 * lanes), gnu::aligned(4), gnu::may_alias]] = float;
};

/// `rows` rows of w times the lanes · vectors columns of xt; the sums stay in rows · vectors registers.
template <std::int64_t lanes, int vectors, int rows>
EDGESWEEP_INLINE void product_block(std::int64_t in, float scale, const float* w, const float* xt, float* at) {
  using Vector = typename Lanes<lanes>::Type;
  constexpr std::int64_t width = lanes * vectors;
  Vector sums[rows][vectors] = {};
  for (std::int64_t k = 0; k < in; ++k) {
    Vector column[vectors];
#pragma GCC unroll 2
    for (int n = 0; n < vectors; ++n) column[n] = *reinterpret_cast<const Vector*>(xt + k * width + n * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const float weight = w[r * in + k];
#pragma GCC unroll 2
      for (int n = 0; n < vectors; ++n) sums[r][n] += weight * column[n];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int n = 0; n < vectors; ++n) *reinterpret_cast<Vector*>(at + r * width + n * lanes) = scale * sums[r][n];
  }
}

template <std::int64_t lanes, int vectors, int rows>
EDGESWEEP_INLINE void product(std::int64_t batch, std::int64_t out, std::int64_t in, float scale, const float* x,
                              const float* w, float* a, float* scratch) {
  constexpr std::int64_t width = lanes * vectors;
  float* xt = scratch;             // in × width, zero beyond the batch
  float* at = scratch + in * width;  // out × width
  for (std::int64_t i = 0; i < width; ++i) {
    for (std::int64_t k = 0; k < in; ++k) xt[k * width + i] = i < batch ? x[i * in + k] : 0.0f;
  }
  std::int64_t o = 0;
  for (; o + rows <= out; o += rows) product_block<lanes, vectors, rows>(in, scale, w + o * in, xt, at + o * width);
  for (; o < out; ++o) product_block<lanes, vectors, 1>(in, scale, w + o * in, xt, at + o * width);
  for (std::int64_t i = 0; i < batch; ++i) {
    for (std::int64_t j = 0; j < out; ++j) a[i * out + j] = at[j * width + i];
  }
}

using Product = void (*)(std::int64_t batch, std::int64_t out, std::int64_t in, float scale, const float* x,
                         const float* w, float* a, float* scratch);

/// The products of one instruction set, and from which to which batch they pay. Wider ones than 8 rows need AVX-512's
/// registers; with AVX-512 OpenBLAS has kernels of its own for up to 4 rows.
struct Products {
  std::int64_t least = 1, most = 0;
  Product at_most_8 = nullptr, at_most_16 = nullptr, at_most_32 = nullptr;
};

#if defined(__x86_64__)
#define EDGESWEEP_PRODUCT(name, isa, lanes, vectors, rows)                                                     \
  __attribute__((target(isa))) void name(std::int64_t batch, std::int64_t out, std::int64_t in, float scale,  \
                                         const float* x, const float* w, float* a, float* scratch) {          \
    product<lanes, vectors, rows>(batch, out, in, scale, x, w, a, scratch);                                    \
  }
EDGESWEEP_PRODUCT(avx512_8, "avx512f,avx2,fma", 8, 1, 12)
EDGESWEEP_PRODUCT(avx512_16, "avx512f,avx2,fma", 16, 1, 16)
EDGESWEEP_PRODUCT(avx512_32, "avx512f,avx2,fma", 16, 2, 12)
EDGESWEEP_PRODUCT(avx2_8, "avx2,fma", 8, 1, 12)
#undef EDGESWEEP_PRODUCT

Products products_of_this_cpu() {
  if (__builtin_cpu_supports("avx512f")) return {5, 64, avx512_8, avx512_16, avx512_32};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {2, 8, avx2_8, nullptr, nullptr};
  return {};
}
#else
Products products_of_this_cpu() { return {}; }
#endif

const Products& products() {
  static const Products found = products_of_this_cpu();
  return found;
}

}  // namespace

bool thin_product_pays(std::int64_t batch) { return batch >= products().least && batch <= products().most; }

std::int64_t thin_product_scratch(std::int64_t out, std::int64_t in) { return widest * (in + out); }

void thin_product(std::int64_t batch, std::int64_t out, std::int64_t in, float scale, const float* x,
                  const float* w, float* a, float* scratch) {
  const Products& of_cpu = products();
  const std::int64_t pass = std::min(widest, of_cpu.most);
  for (std::int64_t first = 0; first < batch; first += pass) {
    const std::int64_t rows = std::min(pass, batch - first);
    const Product fitting = rows <= 8 ? of_cpu.at_most_8 : rows <= 16 ? of_cpu.at_most_16 : of_cpu.at_most_32;
    fitting(rows, out, in, scale, x + first * in, w, a + first * out, scratch);
  }
}

}  // namespace edgesweep
