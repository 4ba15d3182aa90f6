#include "workers/theory/quadratic_problem.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>

#include "workers/data/philox.hpp"

namespace edgesweep {

double QuadraticSettings::curvature_bytes() const {
  const auto p = static_cast<double>(parameters);
  return static_cast<double>(draws()) * static_cast<double>(modes()) * p * p * sizeof(double);
}

double QuadraticSettings::jacobian_bytes() const {
  constexpr double kCopies = 3;  // J, Q(Δθ, ·) and one to spare for a record
  return kCopies * static_cast<double>(replicas) * static_cast<double>(modes()) * static_cast<double>(parameters) *
         sizeof(double);
}

QuadraticProblem make_quadratic_problem(const QuadraticSettings& settings, at::Device device) {
  at::Tensor jacobian = at::empty({settings.examples, settings.parameters}, at::kDouble);
  RandomStream stream(settings.seed, RandomUse::quadratic_jacobian);
  double* values = jacobian.data_ptr<double>();
  std::generate(values, values + jacobian.numel(), [&] { return stream.normal(); });

  auto [left, sigma, right] = at::linalg_svd(jacobian, false);
  // A singular pair's common sign is LAPACK's choice; M_α belongs to w_α, so that it must not depend on LAPACK.
  const at::Tensor largest = left.gather(0, left.abs().argmax(0, true));
  const at::Tensor sign = at::where(largest < 0, -at::ones_like(largest), at::ones_like(largest));
  const CurvatureSettings& curvature = settings.curvature;
  QuadraticProblem problem{settings, jacobian, left * sign, sigma, right * sign.t(),
                           (sigma / sigma[0]).pow(curvature.exponent) * curvature.variance};
  for (at::Tensor* tensor : {&problem.jacobian, &problem.left, &problem.sigma, &problem.right, &problem.variances}) {
    *tensor = tensor->contiguous().to(device);
  }
  return problem;
}

}  // namespace edgesweep
