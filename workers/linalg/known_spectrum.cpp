#include "workers/linalg/known_spectrum.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace edgesweep {

at::Tensor start_vectors(const KnownSpectrum& known, std::int64_t starts) {
  constexpr double kShareOfNext = 0.1;
  const std::int64_t size = known.vectors.size(0);
  starts = std::min(starts, size);
  at::Tensor result = known.vectors.narrow(0, 0, starts).clone();
  const std::int64_t next = std::min<std::int64_t>(2, size - starts);
  if (next > 0) result[starts - 1].add_(known.vectors.narrow(0, starts, next).sum(0), kShareOfNext);
  return result;
}

at::Tensor correction(const KnownSpectrum& known, double theta, const at::Tensor& residual) {
  const double scale = std::abs(theta);
  const double elsewhere = 2 / scale;
  const at::Tensor inverse = (theta - known.values).abs().clamp_min(0.1 * scale).reciprocal();
  const at::Tensor weights = (inverse - elsewhere).to(residual.options()) * known.vectors.mv(residual);
  return known.vectors.t().mv(weights).add_(residual, elsewhere);
}

KnownSpectrum renewed(const KnownSpectrum& known, const KnownSpectrum& found, std::int64_t leading, std::int64_t count) {
  if (!known.defined()) {
    const std::int64_t kept = std::min(count, found.vectors.size(0));
    return {found.vectors.narrow(0, 0, kept).clone(), found.values.narrow(0, 0, kept).clone()};
  }
  at::Tensor rest = known.vectors;
  for (int pass = 0; pass < 2; ++pass) rest = rest - at::mm(at::mm(rest, found.vectors.t()), found.vectors);
  // An orthonormal basis of the rest, without the directions of which next to nothing is left.
  const auto [squares, axes] = at::linalg_eigh(at::mm(rest, rest.t()).to(at::kCPU, at::kDouble));
  const at::Tensor kept = (squares > 0.01).nonzero().flatten();
  const at::Tensor to_basis = axes.index_select(1, kept) * squares.index_select(0, kept).rsqrt();
  const at::Tensor basis = at::mm(to_basis.t().to(rest.options()), rest);
  // The known operator seen in it, taken apart.
  const at::Tensor overlaps = at::mm(known.vectors, basis.t()).to(at::kCPU, at::kDouble);
  const auto [values, turns] = at::linalg_eigh(at::mm(overlaps.t(), known.values.unsqueeze(1) * overlaps));

  const at::Tensor all = at::cat({found.values, values});
  const at::Tensor vectors = at::cat({found.vectors, at::mm(turns.t().to(rest.options()), basis)});
  at::Tensor rank = all.clone();
  rank.narrow(0, 0, std::min(leading, found.values.size(0))).add_(all.max() - all.min() + 1);
  const at::Tensor uppermost = rank.argsort(0, true).narrow(0, 0, std::min(count, all.size(0)));
  return {vectors.index_select(0, uppermost.to(vectors.device())), all.index_select(0, uppermost)};
}

}  // namespace edgesweep
