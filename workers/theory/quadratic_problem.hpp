#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace edgesweep {

/// V(σ_α), the variance of an element of M_α: flat V = v, or shaped V = v (σ_α / σ_1)^p with p ≥ 0.
struct CurvatureSettings {
  double variance = 0;  ///< v
  double exponent = 0;  ///< p; 0 is flat
};

/// A quadratic regression model (docs/theory.md, "The quadratic model"; arXiv 2404.19261, section 3 and appendix B).
struct QuadraticSettings {
  std::int64_t examples = 0;    ///< D
  std::int64_t parameters = 0;  ///< P
  std::uint64_t seed = 0;       ///< of J_0
  CurvatureSettings curvature;
  double residual_variance = 1;  ///< V_z
  std::string sampler = "iid";
  std::int64_t replicas = 2;  ///< R, a multiple of replicas_per_curvature
  bool antithetic = true;     ///< replicas 2p and 2p + 1 have curvatures Q and −Q, and all else in common
  /// Replicas that have one Q, up to its sign, but their own residuals and batches; even if antithetic.
  std::int64_t replicas_per_curvature = 2;

  std::int64_t modes() const { return examples < parameters ? examples : parameters; }  ///< singular triples of J_0
  /// Curvatures Q that are drawn, which is also the number of independent groups of replicas.
  std::int64_t draws() const { return replicas / replicas_per_curvature; }
  /// Residuals and sequences of batches that are drawn.
  std::int64_t starts() const { return antithetic ? replicas / 2 : replicas; }
  /// Bytes of all M_α of a trial: draws × modes × P² numbers of float64.
  double curvature_bytes() const;
  /// Bytes of the replicas' Jacobians, replicas × modes × P numbers of float64, with those that a step needs beside them.
  double jacobian_bytes() const;
};

/// What all replicas of all trials share. Float64, on one device.
struct QuadraticProblem {
  QuadraticSettings settings;
  at::Tensor jacobian;   ///< J_0 [D, P], i.i.d. N(0, 1) drawn from the seed
  at::Tensor left;       ///< W [D, modes], columns w_α; the largest entry of each is positive
  at::Tensor sigma;      ///< σ_α [modes], descending
  at::Tensor right;      ///< rows v_α [modes, P]
  at::Tensor variances;  ///< V(σ_α) [modes]
};

QuadraticProblem make_quadratic_problem(const QuadraticSettings& settings, at::Device device);

}  // namespace edgesweep
