#include "workers/theory/stability.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "workers/linalg/perron.hpp"
#include "workers/theory/root.hpp"

namespace edgesweep {
namespace {

/// The modes with λ > 0.
struct LiveModes {
  at::Tensor x;  ///< [r], ηλ: how a unit of gradient noise moves the mode
  at::Tensor p;  ///< [r], η(λ+ρ)
  at::Tensor v;  ///< [D, r], eigenvectors
};

LiveModes live_modes(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  const std::int64_t n = spectrum.eigenvalues.size(0);
  const double cut = static_cast<double>(n) * 0x1p-52 * spectrum.eigenvalues[-1].item<double>();
  const std::int64_t zero = at::count_nonzero(spectrum.eigenvalues <= cut).item<std::int64_t>();
  const at::Tensor v = spectrum.eigenvectors.narrow(1, zero, n - zero);
  const at::Tensor lambda = spectrum.eigenvalues.narrow(0, zero, n - zero).to(v.device());
  return {settings.eta * lambda, settings.eta * (lambda + settings.l2), v};
}

double kappa_of(const LiveModes& modes, const KernelNormSettings& settings) {
  return batch_noise_factor(modes.v.size(0), settings.batch);
}

/// g of R(s), [r, r].
at::Tensor gains(const LiveModes& modes, double kappa, double mu, double s) {
  const at::Tensor p = modes.p.unsqueeze(1);
  const at::Tensor q = modes.p.unsqueeze(0);
  const double damping = (1 - mu / s) * (1 - mu / s);
  at::Tensor g = ((1 + mu) * (p + q)).sub_(p * q).mul_(damping * s).add_(damping * (s - 1) * (s - mu * mu));
  if (mu > 0) g.add_((p - q).square_().mul_(mu));
  const at::Tensor push = (modes.x.unsqueeze(1) * modes.x).mul_((s * s - mu * mu) / s);
  return push / g.add_(push, kappa);
}

/// Largest eigenvalue of R(s).
double noise_response(const LiveModes& modes, const KernelNormSettings& settings, double s) {
  const double kappa = kappa_of(modes, settings);
  const at::Tensor g = gains(modes, kappa, settings.momentum, s);
  const at::Tensor& v = modes.v;
  const auto map = [&](const at::Tensor& y) {
    const at::Tensor inner = at::mm(v.t(), y.unsqueeze(1) * v).mul_(g);
    return at::mm(v, inner).mul_(v).sum(1);
  };
  return kappa * static_cast<double>(v.size(0)) * largest_eigenvalue_of_positive_map(map, at::ones_like(v.select(1, 0)));
}

double growth_of(const LiveModes& modes, const KernelNormSettings& settings) {
  // The roots of x² − t x + μ: a complex pair has |x|² = μ.
  const at::Tensor t = (1 + settings.momentum - modes.p).abs_();
  const at::Tensor root = (t.square() - 4 * settings.momentum).clamp_min_(0).sqrt_();
  return ((t + root) / 2).square_().clamp_min_(settings.momentum).max().item<double>();
}

/// C of equation (8) in the modes' own units: x_α C_{αν} x_ν, [r, r].
at::Tensor scaled_overlaps(const LiveModes& modes) {
  const at::Tensor w = modes.v.square().mul_(modes.x);
  return at::mm(w.t(), w);
}

/// A + N on the moments (z², zu, u²) of every mode, u = ηw, each over x_α; [3r, 3r].
at::Tensor three_moment_operator(const LiveModes& modes, double kappa, double mu) {
  const std::int64_t r = modes.p.size(0);
  const at::Tensor& p = modes.p;
  const at::Tensor still = 1 - p;
  const at::Tensor noise =
      (kappa * static_cast<double>(modes.v.size(0)) * scaled_overlaps(modes)).sub_(at::diag(modes.x.square()), kappa);
  const at::Tensor mu_squared = at::full_like(p, mu * mu);
  // From z' = (1−p) z − μ u, u' = p z + μ u; the noise enters as −1, +1.
  const at::Tensor rows[3][3] = {{still.square(), -2 * mu * still, mu_squared},
                                 {still * p, mu * (still - p), -mu_squared},
                                 {p.square(), 2 * mu * p, mu_squared}};
  const double sign[3] = {1, -1, 1};
  at::Tensor result = at::zeros({3 * r, 3 * r}, p.options());
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      at::Tensor block = result.narrow(0, row * r, r).narrow(1, column * r, r);
      block.diagonal().copy_(rows[row][column]);
      if (column == 0) block.add_(noise, sign[row]);
    }
  }
  return result;
}

}  // namespace

double deterministic_growth(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  return growth_of(live_modes(spectrum, settings), settings);
}

double second_moment_lambda_max(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  const LiveModes modes = live_modes(spectrum, settings);
  const double noiseless = growth_of(modes, settings);
  if (kappa_of(modes, settings) == 0) return noiseless;
  const double lowest = noiseless * (1 + 1e-14);  // h has a pole at the growth of each mode
  const auto f = [&](double s) { return 1 / noise_response(modes, settings, s) - 1; };
  Bracket bracket{lowest, f(lowest), 0, 0};
  if (bracket.at_low >= 0) return lowest;  // the noise adds less than rounding
  const auto try_high = [&](double s) {
    const double value = f(s);
    (value < 0 ? bracket.low : bracket.high) = s;
    (value < 0 ? bracket.at_low : bracket.at_high) = value;
    return value >= 0;
  };
  // 1 first: below the threshold the bracket is then as short as the slowest mode is slow. R(s) is about R(1) 2p / (s−1+2p)
  // for a single p, which gives the scale of the steps above.
  if (lowest >= 1 || !try_high(1)) {
    const double excess = -bracket.at_low / (1 + bracket.at_low);
    double step = std::max(1e-12, 2 * modes.p.mean().item<double>() * excess);
    while (!try_high(bracket.low + step)) step *= 4;
  }
  return root_in(f, bracket, 1e-14 * bracket.high);
}

double diagonal_moment_lambda_max(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  const LiveModes modes = live_modes(spectrum, settings);
  const double kappa = kappa_of(modes, settings);
  if (settings.momentum == 0 && settings.l2 == 0) {
    const at::Tensor a = 1 - 2 * modes.x + (1 - kappa) * modes.x.square();
    const at::Tensor sum =
        scaled_overlaps(modes).mul_(kappa * static_cast<double>(modes.v.size(0))).add_(at::diag(a));
    return at::linalg_eigvalsh(sum)[-1].item<double>();
  }
  return at::linalg_eigvals(three_moment_operator(modes, kappa, settings.momentum).cpu()).abs().max().item<double>();
}

}  // namespace edgesweep
