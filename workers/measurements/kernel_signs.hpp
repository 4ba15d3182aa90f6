#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "workers/measurements/measurement.hpp"

// Traces of the kernels k_i = J_i J_iᵀ of single examples by random signs (theory.md section 3): for independent vectors u, u' of
// random signs E ‖J_iᵀu‖² = tr k_i and E (J_iᵀu · J_iᵀu')² = ‖k_i‖_F². With roots R_i of the curvatures A_i = ∇²_f ℓ_i, vectors
// R_i u give tr(A_i k_i) and ‖A_i^½ k_i A_i^½‖_F².
namespace edgesweep {

/// What R_i u_i is: a root of the curvature times random signs; or, of cross_entropy, softmax(f_i) less the one-hot vector of a class drawn
/// from it, which has the same mean and covariance.
enum class Directions { signs, labels };

/// One draw, 3 × N in float64 on the CPU: estimates of tr k_i, tr(A_i k_i) and ‖A_i^½ k_i A_i^½‖_F² of the N training examples,
/// independent between examples. A pure function of the trial, θ and `draw`; the signs are the same at every record. Takes a forward
/// and two backward passes, three for a loss that is not squared.
at::Tensor sampled_kernels(const MeasurementContext& context, c10::ScalarType dtype, std::int64_t draw, Directions directions);

/// The same for a model that mixes examples, 3 × (chunks): ‖Σ_i J_iᵀ u_i‖² over the examples of a chunk, whose mean is Σ_i tr k_i,
/// the same with R_i u_i, and NaN.
at::Tensor sampled_chunk_kernels(const MeasurementContext& context, c10::ScalarType dtype, std::int64_t draw, Directions directions);

/// Sums over examples of means over draws, and their standard errors from how the draws of each example differ.
class SampledSums {
 public:
  /// A result of the functions above.
  void add(const at::Tensor& values);
  double sum(std::int64_t row) const { return mean_[row].sum().item<double>(); }
  double standard_error(std::int64_t row) const;
  /// Of sum(row) / sum(by), to first order.
  double ratio_standard_error(std::int64_t row, std::int64_t by) const;

 private:
  double summed_covariance(std::int64_t a, std::int64_t b) const;

  std::int64_t count_ = 0;
  at::Tensor mean_;      // 3 × N
  at::Tensor products_;  // 3 × 3: Σ_i Σ_draws of products of differences from the means
};

}  // namespace edgesweep
