#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace edgesweep {

/// How SGD steps, as far as K depends on it.
struct KernelNormSettings {
  double eta = 0;
  std::int64_t batch = 1;
  double momentum = 0;
  double l2 = 0;
  std::int64_t outputs = 1;  ///< C: adjacent rows of the NTK that belong to one example
};

/// theory.md section 3. K and K_hd are +inf where the deterministic part is unstable.
struct KernelNorms {
  double K = 0;
  double K_block = 0;
  double K_hd = 0;
  double K_tr = 0;
  double ntk_lambda_max = 0;
  double ntk_trace = 0;
};

/// κ = (D − B) / (B (D − 1)); 0 at D = 1.
double batch_noise_factor(std::int64_t examples, std::int64_t batch);

/// `ntk`: symmetric positive semi-definite (D·C) × (D·C), float64 or float32, any device; destroyed in the process
/// (its storage is reused). Memory above the argument: at most 5 (D·C)² values.
KernelNorms kernel_norms(at::Tensor ntk, const KernelNormSettings& settings);

}  // namespace edgesweep
