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

TEST(KnownSpectrum, RenewsToTheUppermostOfFoundAndLeftPairsBehindTheLeadingOne) {
  at::manual_seed(2);
  const at::Tensor axes = orthonormal(20, 20);
  const KnownSpectrum known{axes.narrow(0, 0, 5), at::tensor({5.0, 4.0, 3.0, 2.0, 1.0}, at::kDouble)};
  // Found: the first known vector, lower than the second one was, and two that are new. Left: the other four.
  const KnownSpectrum found{axes.index_select(0, at::tensor({0, 9, 8}, at::kLong)),
                            at::tensor({3.9, 2.5, 0.5}, at::kDouble)};
  const KnownSpectrum next = renewed(known, found, 1, 5);
  EXPECT_LT(distance(next.values, at::tensor({3.9, 4.0, 3.0, 2.5, 2.0}, at::kDouble)), 1e-12);
  EXPECT_LT(distance(at::mm(next.vectors, next.vectors.t()), at::eye(5, at::kDouble)), 1e-12);
  const std::int64_t expected[] = {0, 1, 2, 9, 3};
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(next.vectors[i].dot(axes[expected[i]]).abs().item<double>(), 1, 1e-12) << i;
  }
}

TEST(KnownSpectrum, RenewsToTheFoundPairsWhenNothingWasKnown) {
  at::manual_seed(3);
  const KnownSpectrum found{orthonormal(20, 4), at::tensor({4.0, 3.0, 2.0, 1.0}, at::kDouble)};
  const KnownSpectrum next = renewed({}, found, 1, 3);
  EXPECT_EQ(next.vectors.size(0), 3);
  EXPECT_LT(distance(next.vectors, found.vectors.narrow(0, 0, 3)), 1e-15);
}

TEST(KnownSpectrum, RenewsToTheFoundPairsWhenTheySpanTheKnownOnes) {
  at::manual_seed(5);
  const KnownSpectrum known{orthonormal(20, 2), at::tensor({4.0, 3.0}, at::kDouble)};
  const KnownSpectrum next = renewed(known, known, 1, 5);
  EXPECT_EQ(next.vectors.size(0), 2);
  EXPECT_LT(distance(next.vectors, known.vectors), 1e-15);
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
