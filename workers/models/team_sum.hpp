#pragma once

#include <ATen/core/Tensor.h>

#include "engine/spec/team.hpp"

namespace edgesweep {

/// Over the team, in place; `values` is float32 or float64, contiguous and on the CPU.
void sum_values(Team& team, const at::Tensor& values);

/// From any device, by way of the host.
void sum_over(Team& team, at::Tensor& values);

}  // namespace edgesweep
