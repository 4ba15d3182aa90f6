#include "tests/workers/theory/dense_linear.hpp"

#include <ATen/ATen.h>

#include <bit>
#include <string>

namespace edgesweep::dense {

Steps steps_of_all_batches(const at::Tensor& ntk, const at::Tensor& targets, const KernelNormSettings& settings) {
  const std::int64_t n = ntk.size(0);
  const at::Tensor identity = at::eye(n, at::kDouble);
  const at::Tensor decay = settings.eta * settings.l2 * identity;
  Steps steps;
  const at::Tensor shift = settings.eta * settings.l2 * targets;
  steps.shift = at::cat({-shift, shift});
  for (unsigned batch = 0; batch < 1U << n; ++batch) {
    if (std::popcount(batch) != settings.batch) continue;
    at::Tensor in_batch = at::zeros({n}, at::kDouble);
    for (std::int64_t i = 0; i < n; ++i) in_batch[i] = static_cast<double>(batch >> i & 1U);
    const double inverse_beta = static_cast<double>(n) / static_cast<double>(settings.batch);
    const at::Tensor push = settings.eta * inverse_beta * ntk * in_batch + decay;  // u' = push z + μ u + …
    const at::Tensor u_row = at::cat({push, settings.momentum * identity}, 1);
    const at::Tensor z_row = at::cat({identity - push, -settings.momentum * identity}, 1);
    steps.matrices.push_back(at::cat({z_row, u_row}));
  }
  return steps;
}

at::Tensor second_moment_operator(const Steps& steps) {
  at::Tensor sum;
  for (const at::Tensor& s : steps.matrices) {
    const at::Tensor product = at::kron(s, s);
    sum = sum.defined() ? sum + product : product;
  }
  return sum / static_cast<double>(steps.matrices.size());
}

double spectral_radius(const at::Tensor& matrix) { return at::linalg_eigvals(matrix).abs().max().item<double>(); }

LinearProblem problem(const char* kind, std::int64_t examples, std::int64_t seed, std::int64_t parameters) {
  Json dataset = {{"name", kind}, {"examples", examples}, {"seed", seed}};
  if (parameters > 0) dataset["parameters"] = parameters;
  return linear_problem(canonical_linear_data(ObjectReader(dataset, "test", "dataset")), "", {});
}

}  // namespace edgesweep::dense
