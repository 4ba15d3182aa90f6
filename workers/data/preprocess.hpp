#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "engine/base/json.hpp"
#include "engine/spec/object_reader.hpp"

namespace edgesweep {

/// How pixels become inputs.
struct Preprocess {
  std::string name = "none";
  /// zca only: multiple of the covariance's mean eigenvalue that is added to every eigenvalue.
  double regularization = 0.1;
};

/// Reads `preprocess` (none, standardize, zca; none by default) and, with zca, `regularization` (> 0, 0.1 by default)
/// and writes them to `canonical`. Throws InputError.
void read_preprocess(ObjectReader& reader, Json& canonical);

/// Of a canonical data set.
Preprocess preprocess_of(const Json& canonical);

/// Fits on `train` (N × F, float32, N ≥ 1) in float64 and replaces `train` and `test` (M × F) by what it makes of them.
/// standardize: (x − mean) / standard deviation of each feature; a feature that is constant in `train` becomes 0.
/// zca: (x − mean) W, W = U diag((λ + r mean(λ))^(−1/2)) Uᵀ of the covariance U diag(λ) Uᵀ = 1/N Σ (x−mean)(x−mean)ᵀ.
/// The same bits in every run with the same number of threads.
void apply_preprocess(const Preprocess& preprocess, at::Tensor& train, at::Tensor& test);

}  // namespace edgesweep
