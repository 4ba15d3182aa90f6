#pragma once

#include "workers/linalg/kernel_norm.hpp"

namespace edgesweep {

/// The learning rates η* at which a measure of stability passes 1, at one batch size.
struct StabilityEdges {
  double T = 0;         ///< λ_max(T) = 1
  double A_plus_N = 0;  ///< λ_max(A + N) = 1
  double K = 0;
  double K_full = 0;
  double K_hd = 0;
  double K_tr = 0;  ///< may lie beyond the deterministic edge
};

/// Relative error 1e-10 (1e-8 where a mode is so slow that 2ηλ is lost in rounding). All NaN at B = D, where there is no noise. The settings' η is not read. T and A + N are
/// searched for around K_full and K, but judged by their own eigenvalues (stability.hpp).
StabilityEdges stability_edges(const NtkSpectrum& spectrum, const KernelNormSettings& settings);

}  // namespace edgesweep
