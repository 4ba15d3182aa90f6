// Spectra, kernel norms and Krylov methods.
#include <vector>

#include "tests/gpu/gpu_test.hpp"
#include "tests/workers/linalg/dense_operator.hpp"
#include "workers/linalg/hutchinson.hpp"
#include "workers/linalg/kernel_norm.hpp"
#include "workers/linalg/lanczos_quadrature.hpp"
#include "workers/linalg/top_eigenpairs.hpp"

namespace edgesweep {
namespace {

using namespace testing;

using LinearAlgebraOnGpu = OnGpu<::testing::Test>;

at::Tensor random_kernel(std::int64_t n) {
  const at::Tensor j = normal({n, 2 * n}, 1);
  return at::mm(j, j.t()) / static_cast<double>(n);
}

TEST_F(LinearAlgebraOnGpu, GivesTheKernelNorms) {
  for (const std::int64_t outputs : {1, 3}) {
    const std::int64_t examples = 20;
    const at::Tensor ntk = random_kernel(examples * outputs);
    for (const double momentum : {0.0, 0.9}) {
      const KernelNormSettings settings{.eta = 0.02, .batch = 2, .momentum = momentum, .outputs = outputs};
      const KernelNorms here = kernel_norms(ntk.clone(), settings, true), there = kernel_norms(on_gpu(ntk), settings, true);
      for (const auto value : {&KernelNorms::K, &KernelNorms::K_block, &KernelNorms::K_hd, &KernelNorms::K_tr,
                               &KernelNorms::ntk_lambda_max, &KernelNorms::ntk_trace}) {
        EXPECT_NEAR(there.*value, here.*value, 1e-10 * here.*value);
      }
      EXPECT_NEAR(*there.K_full, *here.K_full, 1e-10 * *here.K_full);
    }
  }
}

TEST_F(LinearAlgebraOnGpu, FindsTheLargestEigenvalues) {
  const at::Tensor matrix = random_kernel(60);
  const at::Tensor exact = at::linalg_eigvalsh(matrix);
  DenseOperator op(on_gpu(matrix));
  const TopEigenpairs cold = top_eigenpairs(op, on_gpu(normal({1, 60}, 2)), {.count = 3, .tolerance = 1e-8});
  ASSERT_EQ(cold.values.size(), 3U);
  for (std::int64_t k = 0; k < 3; ++k) {
    const double expected = exact[59 - k].item<double>();
    EXPECT_NEAR(cold.values[static_cast<std::size_t>(k)], expected, 1e-8 * expected);
  }
  const at::Tensor other = matrix + 1e-3 * random_kernel(60);
  DenseOperator moved(on_gpu(other));
  const TopEigenpairs warm = top_eigenpairs(moved, cold.known, {.count = 3, .tolerance = 1e-8});
  EXPECT_NEAR(warm.values[0], at::linalg_eigvalsh(other)[59].item<double>(), 1e-8 * warm.values[0]);
  EXPECT_LT(warm.matvecs, cold.matvecs);
}

TEST_F(LinearAlgebraOnGpu, SamplesTracesAndDensities) {
  const at::Tensor matrix = random_kernel(40), start = normal({40}, 3);
  DenseOperator here(matrix), there(on_gpu(matrix));
  EXPECT_NEAR(hutchinson_trace(there, 7, 5, on_gpu(matrix).options()), hutchinson_trace(here, 7, 5, matrix.options()), 1e-9);
  const Quadrature a = lanczos_quadrature(here, start, 10), b = lanczos_quadrature(there, on_gpu(start), 10);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t k = 0; k < a.nodes.size(); ++k) {
    EXPECT_NEAR(b.nodes[k], a.nodes[k], 1e-8);
    EXPECT_NEAR(b.weights[k], a.weights[k], 1e-8);
  }
}

}  // namespace
}  // namespace edgesweep
