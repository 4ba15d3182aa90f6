#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "workers/data/sampler.hpp"
#include "workers/linalg/kernel_norm_types.hpp"

namespace edgesweep {

struct MeanLoss {
  double mean = 0;
  double standard_error = 0;  ///< NaN for a single run
};

/// Independent runs of SGD on the linear model, simulated by their residuals z (and u = ηJv with momentum or L2) instead of
/// their parameters; equations in second_moment.hpp. Run r draws its batches under a key of its own, made from the
/// trial's. Float64 on the device of `ntk`; a step costs runs × D × min(B, D) multiply–adds.
class ResidualReplicas {
 public:
  /// `ntk`: Θ̂, [D, D], symmetric; `targets`: [D]; z = −targets and u = 0 at first. `sampler`: sampler.hpp.
  ResidualReplicas(const at::Tensor& ntk, const at::Tensor& targets, const KernelNormSettings& settings,
                   const std::string& sampler, std::uint64_t trial_key, std::int64_t runs);

  /// From `step` to `step` + 1, any step.
  void advance(std::int64_t step);
  /// Mean over the runs of ‖z‖²/(2D), and its standard error.
  MeanLoss loss() const;

  /// All that changes, by name.
  std::map<std::string, at::Tensor> state() const;
  /// Throws InputError about `checkpoint` unless names, sizes and types are those of state(). CPU tensors.
  void restore(const std::map<std::string, at::Tensor>& state);

 private:
  void draw_batches(std::int64_t step);
  at::Tensor gradient(std::int64_t step);

  at::Tensor ntk_;
  at::Tensor targets_;
  KernelNormSettings settings_;
  bool full_batch_;
  std::vector<std::unique_ptr<Sampler>> samplers_;
  at::Tensor batches_;  ///< [runs, B], int64 on the CPU
  at::Tensor z_;        ///< [runs, D]
  at::Tensor u_;        ///< [runs, D]; undefined for plain SGD
};

}  // namespace edgesweep
