#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "workers/data/sampler.hpp"
#include "workers/theory/quadratic_problem.hpp"

namespace edgesweep {

/// R independent runs of SGD on quadratic models with one J_0, a step at a time, all in batched products:
///
///     Δθ = −(η/B) Jᵀ P z,   z' = z + J Δθ + ½ Q(Δθ, Δθ),   J' = J + Q(Δθ, ·),   Q = Σ_α w_α ⊗ M_α.
///
/// The state is kept in the basis of the w_α: Wᵀz and WᵀJ, R × modes and R × modes × P. There Q is just the M_α, so that
/// no D × P × P tensor appears and nothing is multiplied by W but residuals. The part of z orthogonal to all w_α (there
/// is one if D > P) never moves. A step takes replicas × modes × P² multiply-adds and reads the draws × modes × P² numbers
/// of the M_α once.
///
/// Replicas of one Q follow each other. z_0, the M_α and the batches come from `key` by counter. Float64, on the problem's device.
class QuadraticReplicas {
 public:
  /// Draws the M_α. `problem` must outlive the object.
  QuadraticReplicas(const QuadraticProblem& problem, std::uint64_t key, double eta, std::int64_t batch);

  void start();
  /// What state() gave. Throws InputError about the checkpoint if it does not fit.
  void restore(const std::map<std::string, at::Tensor>& state);
  std::map<std::string, at::Tensor> state() const;

  /// From `step` to `step` + 1.
  void advance(std::int64_t step);

  bool is_finite() const;
  at::Tensor losses() const;                             ///< ‖z‖² / (2D) of each replica, [R]
  at::Tensor residuals() const;                          ///< z, [R, D]
  const at::Tensor& jacobians() const { return jacobians_; }  ///< WᵀJ, [R, modes, P]
  at::Tensor kernels(std::int64_t first) const;          ///< WᵀΘ̂W, Θ̂ = J Jᵀ / D, of the first replicas, [first, modes, modes]

  const at::Tensor& curvature() const { return curvature_; }  ///< M_α of each draw, [draws, modes, P, P]
  at::Tensor batch_mask(std::int64_t step);              ///< 1 where the example is in the batch, else 0: [R, D]

 private:
  const at::Tensor& apply_curvature(const at::Tensor& steps);

  const QuadraticProblem& problem_;
  double eta_;
  std::int64_t batch_;
  std::vector<std::unique_ptr<Sampler>> samplers_;   // of each start
  at::Tensor curvature_;
  at::Tensor fixed_residuals_;                       // (1 − WWᵀ) z_0, [R, D]
  at::Tensor initial_residuals_;                     // Wᵀz_0, [R, modes]
  at::Tensor residuals_;                             // Wᵀz, [R, modes]
  at::Tensor jacobians_;
  at::Tensor bent_;  // Q(Δθ, ·) of the last step: as large as the Jacobians, and not to be allocated anew
};

}  // namespace edgesweep
