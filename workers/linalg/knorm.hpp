#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workers/linalg/kernel_norm_types.hpp"

// What `edgesweep knorm` computes; needs no LibTorch header.
namespace edgesweep {

/// An NTK Θ̂ or a Jacobian J from outside, row-major, an example's outputs in adjacent rows.
struct KnormMatrix {
  bool is_jacobian = false;    ///< Θ̂ = J Jᵀ / D is formed from it
  std::int64_t rows = 0;       ///< D · C, a multiple of the settings' outputs
  std::int64_t columns = 0;    ///< rows, or P of a Jacobian
  std::vector<double> values = {};
  std::int64_t outputs = 1;    ///< C
};

struct KnormResult {
  KernelNorms norms;
  std::int64_t examples = 0;  ///< D
};

/// Float64 throughout. `full` asks for K_full. `subject` names the file in messages.
/// Throws InputError: η, B, momentum or L2 out of range, entries that are not finite, an NTK that is not symmetric (to
/// 1e-8 of its largest entry) or has an eigenvalue below −1e-8 λ_max.
KnormResult knorm(KnormMatrix matrix, const KernelNormSettings& settings, bool full, const std::string& subject);

}  // namespace edgesweep
