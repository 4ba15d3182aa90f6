#include "workers/linalg/lanczos_quadrature.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgesweep {
namespace {

double inner_product(const at::Tensor& a, const at::Tensor& b) { return (a * b).sum(at::kDouble).item<double>(); }

/// Of the tridiagonal matrix with this diagonal and the values beside it.
Quadrature gauss_rule(const std::vector<double>& diagonal, const std::vector<double>& beside) {
  const auto n = static_cast<std::int64_t>(diagonal.size());
  at::Tensor matrix = at::diag(at::tensor(diagonal, at::kDouble));
  for (std::int64_t i = 0; i + 1 < n; ++i) matrix[i][i + 1] = matrix[i + 1][i] = beside[static_cast<std::size_t>(i)];
  const auto [values, vectors] = at::linalg_eigh(matrix);
  const at::Tensor weights = vectors[0].square().contiguous();
  return {{values.data_ptr<double>(), values.data_ptr<double>() + n},
          {weights.data_ptr<double>(), weights.data_ptr<double>() + n}};
}

}  // namespace

Quadrature lanczos_quadrature(SymmetricOperator& op, const at::Tensor& start, std::int64_t steps) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  steps = std::min(steps, op.size());
  // What is left of a product below this part of H's size is rounding: the Krylov space has ended.
  const double rounding = start.scalar_type() == at::kDouble ? 1e-14 : 1e-6;
  const at::Tensor basis = at::empty({steps, op.size()}, start.options());
  std::vector<double> diagonal, beside;
  double size = 0;  // of the tridiagonal matrix: the largest sum of a row seen so far
  at::Tensor next = start / std::sqrt(inner_product(start, start));
  for (std::int64_t j = 0; j < steps; ++j) {
    basis[j].copy_(next);
    next = op.apply(basis[j]);
    diagonal.push_back(inner_product(basis[j], next));
    const at::Tensor known = basis.narrow(0, 0, j + 1);
    for (int pass = 0; pass < 2; ++pass) next = next - known.t().mv(known.mv(next));
    const double norm = std::sqrt(inner_product(next, next));
    if (!std::isfinite(diagonal.back()) || !std::isfinite(norm)) return {{nan}, {nan}};
    size = std::max(size, std::abs(diagonal.back()) + norm);
    if (j + 1 == steps || norm <= rounding * size) break;
    beside.push_back(norm);
    next = next / norm;
  }
  return gauss_rule(diagonal, beside);
}

}  // namespace edgesweep
