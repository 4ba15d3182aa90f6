#pragma once

#include <memory>

#include "workers/models/mlp.hpp"

// The two ways to take an SGD step of an MLP; Mlp::stepper picks one. Both want `theta` and `velocity` of
// shape [P], contiguous, of the dtype and device of the examples, and keep references to them. At μ = 0 the
// velocity is no state: it may be used as scratch memory. Both throw InputError for a batch whose length is
// not `batch_size` or with a row outside the training set.
namespace edgesweep {

/// float32 on the CPU: BLAS and the kernels of float_kernels.hpp on preallocated buffers. With one BLAS
/// thread a step's bits depend on nothing but θ, v, the batch, η and the processor's instruction set.
std::unique_ptr<SgdStepper> make_mlp_stepper_cpu(const Mlp& mlp, at::Tensor theta, at::Tensor velocity,
                                                 const Examples& train, const SgdOptions& options,
                                                 std::int64_t batch_size);

/// Any floating dtype and device, by ATen operations.
std::unique_ptr<SgdStepper> make_mlp_stepper_aten(const Mlp& mlp, at::Tensor theta, at::Tensor velocity,
                                                  const Examples& train, const SgdOptions& options,
                                                  std::int64_t batch_size);

}  // namespace edgesweep
