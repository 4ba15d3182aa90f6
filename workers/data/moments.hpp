#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace edgesweep {

/// Examples in blocks, so that a large set need not be in memory whole: calls its argument with one block of rows after
/// the other, 1 ≤ n ≤ block_rows rows of F float32 values; the same blocks each time.
using RowBlocks = std::function<void(const std::function<void(const at::Tensor&)>&)>;

constexpr std::int64_t block_rows = 4096;

/// The rows of `x` (N × F), which must outlive the result; all blocks but the last are full.
RowBlocks blocks_of(const at::Tensor& x);

/// Of each feature, F values in float64; variance is the mean of (x − mean)².
struct Moments {
  at::Tensor mean, variance;
  at::Tensor low, high;  ///< extremes: where a feature is constant they are equal, while its variance is a rounding error
};

at::Tensor feature_means(const RowBlocks& blocks);
Moments feature_moments(const RowBlocks& blocks);

/// All values of a channel together, repeated for each of its features. A channel's features are adjacent; F is a multiple
/// of `channels`.
Moments channel_moments(const Moments& features, std::int64_t channels);

/// 1/N Σ (x − mean)(x − mean)ᵀ in float64, F × F.
at::Tensor covariance(const RowBlocks& blocks, const at::Tensor& mean);

}  // namespace edgesweep
