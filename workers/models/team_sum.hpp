#pragma once

#include <ATen/core/Tensor.h>

#include "engine/spec/team.hpp"

namespace edgesweep {

/// Sums over the members, in place; `values` is float32 or float64, contiguous and on the CPU.
void sum_values(Team& team, const at::Tensor& values);

/// The same on any device, by way of the host.
void sum_over(Team& team, at::Tensor& values);

}  // namespace edgesweep
