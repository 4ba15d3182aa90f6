#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "engine/spec/trial_runner.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {

/// A TorchScript archive of the parameters in `theta` [P], named and shaped as `parameters` say, on the CPU: a name's dots
/// are nested modules, so that Python's `torch.jit.load(path).state_dict()` has `layers.0.weight`.
Bytes parameter_file(const std::vector<Parameter>& parameters, const at::Tensor& theta);

}  // namespace edgesweep
