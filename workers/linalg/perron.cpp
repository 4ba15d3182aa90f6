#include "workers/linalg/perron.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace edgesweep {
namespace {

struct TopRitz {
  double value;
  double last;  // last component of its eigenvector of the tridiagonal matrix
};

TopRitz top_of_tridiagonal(const std::vector<double>& diagonal, const std::vector<double>& below) {
  const auto n = static_cast<std::int64_t>(diagonal.size());
  at::Tensor matrix = at::zeros({n, n}, at::kDouble);
  auto entry = matrix.accessor<double, 2>();
  for (std::int64_t i = 0; i < n; ++i) {
    entry[i][i] = diagonal[i];
    if (i + 1 < n) entry[i + 1][i] = entry[i][i + 1] = below[i];
  }
  const auto [values, vectors] = at::linalg_eigh(matrix);
  return {values[n - 1].item<double>(), vectors[n - 1][n - 1].item<double>()};
}

/// Twice is enough: the second pass removes what rounding left of the first.
void orthogonalise(at::Tensor& vector, const at::Tensor& basis) {
  for (int pass = 0; pass < 2; ++pass) vector.sub_(basis.t().mv(basis.mv(vector)));
}

}  // namespace

double largest_eigenvalue_of_positive_map(const std::function<at::Tensor(const at::Tensor&)>& map,
                                          const at::Tensor& start) {
  const std::int64_t n = start.size(0);
  const bool is_double = start.scalar_type() == at::kDouble;
  const double tolerance = is_double ? 1e-12 : 1e-5;
  std::int64_t capacity = std::min<std::int64_t>(n, 32);
  at::Tensor basis = at::empty({capacity, n}, start.options());
  basis[0].copy_(start / start.norm());
  std::vector<double> diagonal;
  std::vector<double> below;
  std::int64_t next_check = 1;
  for (std::int64_t size = 1;; ++size) {
    at::Tensor residual = map(basis[size - 1]);
    diagonal.push_back(residual.dot(basis[size - 1]).item<double>());
    orthogonalise(residual, basis.narrow(0, 0, size));
    const double norm = residual.norm().item<double>();
    // Small problems are solved at every step; later ones seldom enough that they cost less than the products.
    if (size >= next_check || size == n || norm == 0) {
      const TopRitz top = top_of_tridiagonal(diagonal, below);
      const bool converged = norm * std::abs(top.last) <= tolerance * top.value;
      if (converged || size == n || norm == 0) return std::max(top.value, 0.0);
      next_check = size + 1 + size / 16;
    }
    if (size == capacity) {
      const std::int64_t larger = std::min(n, 2 * capacity);
      at::Tensor grown = at::empty({larger, n}, start.options());
      grown.narrow(0, 0, capacity).copy_(basis);
      basis = std::move(grown);
      capacity = larger;
    }
    below.push_back(norm);
    basis[size].copy_(residual / norm);
  }
}

}  // namespace edgesweep
