#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"
#include "workers/data/moments.hpp"

namespace edgesweep {

/// How pixels become inputs.
struct Preprocess {
  std::string name = "none";
  /// zca only: multiple of the covariance's mean eigenvalue that is added to every eigenvalue.
  double regularization = 0.1;
  /// standardize_channels only: given instead of fitted, one of each channel; empty otherwise.
  std::vector<double> mean{}, std{};
  /// Whether it is fitted on all training images of the data set, not on the chosen ones.
  bool fits_all = false;
};

/// Reads `preprocess` (none, standardize, standardize_channels, zca; none by default) and what belongs to it, and writes
/// them to `canonical`: zca's `regularization` (> 0, 0.1 by default); where given, standardize_channels' `mean` and `std`,
/// of `channels` numbers each, or `"fit": "all"` of what is fitted. Throws InputError.
void read_preprocess(ObjectReader& reader, std::int64_t channels, Json& canonical);

/// Of a canonical data set.
Preprocess preprocess_of(const Json& canonical);

/// Replaces `train` and `test` (N × F and M × F, float32; the features of a channel adjacent) by what is made of them,
/// fitted in float64 on `fitted_on` (at least one row), which is not read for `none` and given constants.
/// standardize: (x − mean) / standard deviation of each feature; a feature that is constant in `fitted_on` becomes 0.
/// standardize_channels: the same with one mean and standard deviation of all features of a channel.
/// zca: (x − mean) W, W = U diag((λ + r mean(λ))^(−1/2)) Uᵀ of the covariance U diag(λ) Uᵀ = 1/N Σ (x−mean)(x−mean)ᵀ.
/// The same bits in every run with the same number of threads.
void apply_preprocess(const Preprocess& preprocess, std::int64_t channels, const RowBlocks& fitted_on, at::Tensor& train,
                      at::Tensor& test);

/// Fitted on `train`.
void apply_preprocess(const Preprocess& preprocess, std::int64_t channels, at::Tensor& train, at::Tensor& test);

}  // namespace edgesweep
