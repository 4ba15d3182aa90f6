#pragma once

#include <cstdint>
#include <optional>

namespace edgesweep {

/// The largest NTK whose eigenvectors can be had: syevd's work space of 1 + 6n + 2n² values is counted in 32 bits.
inline constexpr std::int64_t kMaxKernelRows = 32766;

/// How SGD steps, as far as K depends on it.
struct KernelNormSettings {
  double eta = 0;
  std::int64_t batch = 1;
  double momentum = 0;
  double l2 = 0;
  std::int64_t outputs = 1;  ///< C: adjacent rows of the NTK that belong to one example
  /// D of κ = (D − B) / (B (D − 1)), from which batches are drawn; 0: the examples of the NTK. Of an NTK of n of the D
  /// examples only κ keeps D: the sums over examples are estimated by means over the n (docs/measurements.md).
  std::int64_t examples = 0;
};

/// theory.md section 3. K, K_hd and K_full are +inf where the deterministic part is unstable.
struct KernelNorms {
  double K = 0;
  double K_block = 0;
  double K_hd = 0;
  double K_tr = 0;
  double ntk_lambda_max = 0;
  double ntk_trace = 0;
  std::optional<double> K_full = std::nullopt;  ///< only where it was asked for
};

}  // namespace edgesweep
