#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "workers/linalg/kernel_norm_types.hpp"
#include "workers/theory/linear_data.hpp"

// The linear model written down a second time, from the definition: every batch is listed, every matrix is dense. (z, u) is
// one vector of 2D numbers, u = ηw.
namespace edgesweep::dense {

/// The steps of all batches of B of D examples: (z, u) ← S (z, u) + c.
struct Steps {
  std::vector<at::Tensor> matrices;  ///< [2D, 2D] each
  at::Tensor shift;                  ///< c, [2D]
};
Steps steps_of_all_batches(const at::Tensor& ntk, const at::Tensor& targets, const KernelNormSettings& settings);

/// E S ⊗ S, [4D², 4D²]: the linear part of the second moments' step.
at::Tensor second_moment_operator(const Steps& steps);

double spectral_radius(const at::Tensor& matrix);

/// A small data set of the kind: canonical_linear_data's defaults, and `examples`, `seed`.
LinearProblem problem(const char* kind, std::int64_t examples, std::int64_t seed = 0, std::int64_t parameters = 0);

}  // namespace edgesweep::dense
