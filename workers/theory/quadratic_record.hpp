#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "workers/theory/quadratic_problem.hpp"
#include "workers/theory/quadratic_replicas.hpp"

namespace edgesweep {

/// Mean over replicas of values [n, …], n a multiple of replicas_per_curvature, and its standard error over the curvatures that were drawn; the
/// error is NaN for a single one.
struct ReplicaAverage {
  at::Tensor mean;
  at::Tensor error;
};

ReplicaAverage average_over_replicas(const at::Tensor& values, const QuadraticSettings& settings);

/// Canonical `measure` of the experiment: loss, derivatives, eigenvalues, kernel_norm. Throws InputError.
Json canonical_quadratic_measure(ObjectReader reader, const QuadraticSettings& settings);

/// Columns of a canonical `measure`, in the order in which QuadraticRecord fills them.
std::vector<Column> quadratic_columns(const Json& measure);

/// λ̂_α and σ̂_α of the leading modes at this step and the two before, [3, R, top] each, newest first, NaN before step 0.
struct ModeHistory {
  at::Tensor lambda_hat;  ///< |w_αᵀJ|² / D
  at::Tensor sigma_hat;   ///< w_αᵀ J v_α
};

/// Measures the replicas of one trial. `observe` sees every step, since discrete derivatives need the two before.
class QuadraticRecord {
 public:
  /// `problem` must outlive the object.
  QuadraticRecord(const QuadraticProblem& problem, Json measure, double loss_above, double eta, std::int64_t batch);

  void start(const QuadraticReplicas& replicas);
  /// After every step.
  void observe(const QuadraticReplicas& replicas);
  /// Fills all columns of `measure`; the replicas are finite. Above the loss that means divergence, eigenvalues and K stay
  /// as they are: LAPACK may not find the eigenvalues of kernels that are about to overflow.
  void fill(const QuadraticReplicas& replicas, std::span<double> out) const;

  std::map<std::string, at::Tensor> state() const;
  /// Throws InputError about the checkpoint if it does not fit.
  void restore(const std::map<std::string, at::Tensor>& state);

 private:
  const QuadraticProblem& problem_;
  Json measure_;
  double loss_above_;
  double eta_;
  std::int64_t batch_;
  std::int64_t top_ = 0;  ///< modes whose derivatives are kept; 0 for none
  ModeHistory history_;
  std::vector<double> theory_;  ///< the last columns of derivatives
};

}  // namespace edgesweep
