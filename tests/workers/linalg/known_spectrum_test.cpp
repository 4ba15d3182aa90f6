#include "workers/linalg/known_spectrum.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace edgesweep {
namespace {

at::Tensor orthonormal(std::int64_t size, std::int64_t count) {
  return std::get<0>(at::linalg_qr(at::randn({size, count}, at::kDouble))).t().contiguous();
}

double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(KnownSpectrum, CorrectsBySolvingWithTheKnownOperator) {
  at::manual_seed(1);
  const double theta = 2;
  const KnownSpectrum known{orthonormal(30, 3), at::tensor({1.5, 1.9, -0.5}, at::kDouble)};
  const at::Tensor r = at::randn({30}, at::kDouble);
  // Distances as documented: 1.9 is nearer than a tenth of θ, elsewhere the operator is θ/2.
  const at::Tensor distances = at::tensor({0.5, 0.2, 2.5}, at::kDouble);
  const at::Tensor identity = at::eye(30, at::kDouble);
  const at::Tensor projector = at::mm(known.vectors.t(), known.vectors);
  const at::Tensor matrix =
      at::mm(known.vectors.t() * distances, known.vectors) + theta / 2 * (identity - projector);
  EXPECT_LT(distance(matrix.mv(correction(known, theta, r)), r), 1e-12);
}

TEST(KnownSpectrum, RenewsToFoundPairsAndWhatIsLeftOfTheKnownOnes) {
  at::manual_seed(2);
  const at::Tensor axes = orthonormal(20, 20);
  const KnownSpectrum known{axes.narrow(0, 0, 5), at::tensor({5.0, 4.0, 3.0, 2.0, 1.0}, at::kDouble)};
  // Found: the first known vector and one that is new. Left: the other four with their values.
  const KnownSpectrum found{axes.index_select(0, at::tensor({0, 9}, at::kLong)), at::tensor({6.0, 0.5}, at::kDouble)};
  const KnownSpectrum next = renewed(known, found, 5);
  EXPECT_LT(distance(next.values, at::tensor({6.0, 0.5, 4.0, 3.0, 2.0}, at::kDouble)), 1e-12);
  EXPECT_LT(distance(at::mm(next.vectors, next.vectors.t()), at::eye(5, at::kDouble)), 1e-12);
  for (std::int64_t i = 1; i < 4; ++i) {
    EXPECT_NEAR(next.vectors[i + 1].dot(axes[i]).abs().item<double>(), 1, 1e-12);
  }
}

TEST(KnownSpectrum, RenewsToTheFoundPairsAloneWhenTheyAreEnough) {
  at::manual_seed(3);
  const KnownSpectrum found{orthonormal(20, 4), at::tensor({4.0, 3.0, 2.0, 1.0}, at::kDouble)};
  const KnownSpectrum next = renewed({}, found, 3);
  EXPECT_EQ(next.vectors.size(0), 3);
  EXPECT_LT(distance(next.vectors, found.vectors.narrow(0, 0, 3)), 1e-15);
}

TEST(KnownSpectrum, StartsWithTheUppermostVectorsAndALittleOfTheNext) {
  at::manual_seed(4);
  const KnownSpectrum known{orthonormal(20, 4), at::tensor({4.0, 3.0, 2.0, 1.0}, at::kDouble)};
  const at::Tensor overlaps = at::mm(start_vectors(known, 2), known.vectors.t());
  const at::Tensor wanted = at::tensor({1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.1, 0.1}, at::kDouble).view({2, 4});
  EXPECT_LT(distance(overlaps, wanted), 1e-12);
  EXPECT_EQ(start_vectors(known, 7).size(0), 4);
}

}  // namespace
}  // namespace edgesweep
