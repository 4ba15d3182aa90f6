#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace edgesweep {

enum class Activation { erf, tanh, relu, gelu, elu, softplus, linear, hardtanh };

/// Names in the order of the enum; GELU is the exact one, x Φ(x).
const std::vector<std::string>& activation_names();
Activation activation_named(const std::string& name);

/// φ(a), φ'(a), φ''(a), elementwise, any floating dtype and device. At the kinks of ReLU and
/// hardtanh (a cut off at ±1) the derivatives are 0, at ELU's the second derivative is, as PyTorch's autograd has them.
at::Tensor activate(Activation activation, const at::Tensor& a);
at::Tensor activation_derivative(Activation activation, const at::Tensor& a);
at::Tensor activation_second_derivative(Activation activation, const at::Tensor& a);

}  // namespace edgesweep
