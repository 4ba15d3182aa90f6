#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "workers/linalg/kernel_norm.hpp"
#include "workers/linalg/knorm.hpp"

// Whether a matrix from outside is an NTK. `subject` names its file in messages.
namespace edgesweep {

/// Θ̂ of `examples` examples from a matrix or Jacobian; float64 on the CPU, symmetric to the last bit. Throws InputError: too
/// many rows for LAPACK, entries that are not finite, an NTK that is not symmetric to 1e-8 of its largest entry.
at::Tensor checked_ntk(KnormMatrix matrix, std::int64_t examples, const std::string& subject);

/// Throws InputError on an eigenvalue below −1e-8 λ_max.
void check_positive(const NtkSpectrum& spectrum, const std::string& subject);

}  // namespace edgesweep
