#include "workers/training/rk4.hpp"

#include <ATen/ATen.h>

namespace edgesweep {

at::Tensor rk4_step(const at::Tensor& y, double h, const Slope& f) {
  const at::Tensor k1 = f(y);
  const at::Tensor k2 = f(at::add(y, k1, h / 2));
  const at::Tensor k3 = f(at::add(y, k2, h / 2));
  const at::Tensor k4 = f(at::add(y, k3, h));
  return at::add(y, (k1 + k4).add_(k2 + k3, 2), h / 6);
}

}  // namespace edgesweep
