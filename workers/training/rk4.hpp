#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace edgesweep {

/// dy/dt as a function of y, of y's shape and type.
using Slope = std::function<at::Tensor(const at::Tensor& y)>;

/// y(t + h) from y(t) by the classical Runge–Kutta method of fourth order (Kutta 1901), in y's precision:
///   y + h/6 (k₁ + 2k₂ + 2k₃ + k₄),  k₁ = f(y), k₂ = f(y + h/2 k₁), k₃ = f(y + h/2 k₂), k₄ = f(y + h k₃).
/// The error of a step is O(h⁵), of a given time O(h⁴). For dy/dt = −λy stable while hλ < 2.785.
at::Tensor rk4_step(const at::Tensor& y, double h, const Slope& f);

}  // namespace edgesweep
