#include "workers/data/moments.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace edgesweep {
namespace {

/// Calls visit(block in float64) and returns the number of rows.
template <typename Visit>
double for_each_block(const RowBlocks& blocks, const Visit& visit) {
  std::int64_t rows = 0;
  blocks([&](const at::Tensor& block) {
    rows += block.size(0);
    visit(block.to(at::kDouble));
  });
  return static_cast<double>(rows);
}

/// sum ← sum + addend, where an undefined sum is zero.
void accumulate(at::Tensor& sum, const at::Tensor& addend) {
  if (!sum.defined()) sum = at::zeros_like(addend);
  sum += addend;
}

}  // namespace

RowBlocks blocks_of(const at::Tensor& x) {
  return [&x](const std::function<void(const at::Tensor&)>& visit) {
    for (std::int64_t first = 0; first < x.size(0); first += block_rows) {
      visit(x.narrow(0, first, std::min(block_rows, x.size(0) - first)));
    }
  };
}

at::Tensor feature_means(const RowBlocks& blocks) {
  at::Tensor sum;
  const double rows = for_each_block(blocks, [&](const at::Tensor& block) { accumulate(sum, block.sum(0)); });
  return sum / rows;
}

Moments feature_moments(const RowBlocks& blocks) {
  Moments moments;
  moments.mean = feature_means(blocks);
  const double rows = for_each_block(blocks, [&](const at::Tensor& block) {
    accumulate(moments.variance, (block - moments.mean).square().sum(0));
    const at::Tensor low = block.amin(0), high = block.amax(0);
    moments.low = moments.low.defined() ? at::minimum(moments.low, low) : low;
    moments.high = moments.high.defined() ? at::maximum(moments.high, high) : high;
  });
  moments.variance /= rows;
  return moments;
}

Moments channel_moments(const Moments& features, std::int64_t channels) {
  const std::int64_t size = features.mean.size(0);
  const auto by_channel = [&](const at::Tensor& x) { return x.reshape({channels, size / channels}); };
  const auto repeated = [&](const at::Tensor& x) { return x.expand({channels, size / channels}).reshape({size}); };
  const at::Tensor mean = by_channel(features.mean).mean(1, true);
  // Variance within the features and of their means.
  const at::Tensor variance =
      (by_channel(features.variance) + (by_channel(features.mean) - mean).square()).mean(1, true);
  return {repeated(mean), repeated(variance), repeated(by_channel(features.low).amin(1, true)),
          repeated(by_channel(features.high).amax(1, true))};
}

at::Tensor covariance(const RowBlocks& blocks, const at::Tensor& mean) {
  at::Tensor sum = at::zeros({mean.size(0), mean.size(0)}, at::kDouble);
  const double rows = for_each_block(blocks, [&](const at::Tensor& block) {
    const at::Tensor centred = block - mean;
    sum.addmm_(centred.t(), centred);
  });
  return sum / rows;
}

}  // namespace edgesweep
