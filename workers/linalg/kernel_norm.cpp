#include "workers/linalg/kernel_norm.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "workers/linalg/perron.hpp"

namespace edgesweep {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double noise_factor(const KernelNormSettings& s, std::int64_t ntk_examples) {
  return batch_noise_factor(s.examples > 0 ? s.examples : ntk_examples, s.batch);
}

bool deterministic_part_is_stable(double lambda_max, const KernelNormSettings& s) {
  return s.eta * (lambda_max + s.l2) < 2 * (1 + s.momentum);
}

/// λ with the zero modes set to 0. The unit of rounding is float64's also for float32 matrices: a larger cut would
/// drop a part of the trace, and m → 0 as λ → 0 makes the cut itself harmless.
at::Tensor nonzero_modes(const at::Tensor& eigenvalues) {
  const double lambda_max = eigenvalues[-1].item<double>();
  const double cut =
      static_cast<double>(eigenvalues.size(0)) * std::numeric_limits<double>::epsilon() * lambda_max;
  return at::where(eigenvalues >= cut, eigenvalues, at::zeros_like(eigenvalues)).clamp_min(0);
}

/// m_α of theory.md section 3, [n]; 0 for zero modes.
at::Tensor mode_gains(const at::Tensor& lambda, double kappa, const KernelNormSettings& s) {
  const at::Tensor decayed = lambda + s.l2;
  const at::Tensor undamped = (1 + s.momentum) / (1 - s.momentum) * s.eta * lambda * lambda /
                              (decayed * (2 * (1 + s.momentum) - s.eta * decayed));
  const at::Tensor gains = undamped / (1 + kappa * undamped);
  return at::where(lambda > 0, gains, at::zeros_like(gains));
}

/// g = h / (1 + κh) of kernel_norm_full between modes `lambda` > 0, [n, n], dtype and device of `like`. The denominator is
/// a sum of terms that are not negative, built in place: no other n × n tensor.
at::Tensor pair_gains(const at::Tensor& lambda, double kappa, const KernelNormSettings& s, const at::Tensor& like) {
  const double damping = 1 - s.momentum;
  const double spread = 1 - s.momentum * s.momentum;
  const at::Tensor x = (s.eta * lambda).to(like.options());
  const at::Tensor p = (s.eta * (lambda + s.l2)).to(like.options());
  const at::Tensor to_edge = 1 + s.momentum - p / 2;  // (1+μ)(p+q) − pq = p (1+μ − q/2) + q (1+μ − p/2)
  at::Tensor gains = (p.unsqueeze(1) - p.unsqueeze(0)).square_().mul_(s.momentum);
  gains.addr_(p, to_edge, 1, damping * damping).addr_(to_edge, p, 1, damping * damping);
  gains.addr_(x, x, 1, kappa * spread);
  return gains.reciprocal_().mul_(x.unsqueeze(1)).mul_(spread * x);
}

/// y ↦ C y, C_{αν} = Σ_i (v_{α,i} · v_{ν,i})², without forming C: with V_i the C × n rows of example i,
/// (C y)_α is entry (α, α) of Σ_i V_iᵀ (V_i diag(y) V_iᵀ) V_i.
at::Tensor apply_overlaps(const at::Tensor& vectors, const at::Tensor& y) {
  constexpr std::int64_t kChunkValues = 1 << 21;
  const std::int64_t examples = vectors.size(0);
  const std::int64_t step = std::max<std::int64_t>(1, kChunkValues / (vectors.size(1) * vectors.size(2)));
  at::Tensor result = at::zeros_like(y);
  for (std::int64_t first = 0; first < examples; first += step) {
    const at::Tensor rows = vectors.narrow(0, first, std::min(step, examples - first));
    const at::Tensor block = at::bmm(rows * y, rows.transpose(1, 2));
    result.add_((at::bmm(block, rows) * rows).sum(at::IntArrayRef{0, 1}));
  }
  return result;
}

/// λ_max(diag(√m) C diag(√m)).
double overlap_norm(const NtkSpectrum& spectrum, const at::Tensor& gains) {
  const at::Tensor& v = spectrum.eigenvectors;
  const at::Tensor root = gains.sqrt().to(v.options());
  if (spectrum.outputs == 1) {
    const at::Tensor w = v.square();
    const at::Tensor w_transposed = w.t();
    return largest_eigenvalue_of_positive_map(
        [&](const at::Tensor& x) { return w_transposed.mv(w.mv(root * x)).mul_(root); }, at::ones_like(root));
  }
  const std::int64_t examples = v.size(0) / spectrum.outputs;
  const at::Tensor blocks = v.contiguous().view({examples, spectrum.outputs, v.size(1)});
  return largest_eigenvalue_of_positive_map(
      [&](const at::Tensor& x) { return apply_overlaps(blocks, root * x).mul_(root); }, at::ones_like(root));
}

}  // namespace

double batch_noise_factor(std::int64_t examples, std::int64_t batch) {
  if (examples == 1) return 0;
  return static_cast<double>(examples - batch) / (static_cast<double>(batch) * static_cast<double>(examples - 1));
}

NtkSpectrum ntk_spectrum(at::Tensor ntk, std::int64_t outputs) {
  NtkSpectrum spectrum;
  spectrum.outputs = outputs;
  const std::int64_t examples = ntk.size(0) / outputs;
  const at::Tensor blocks = ntk.view({examples, outputs, examples, outputs}).diagonal(0, 0, 2).to(at::kDouble);
  spectrum.trace = ntk.diagonal().sum(at::kDouble).item<double>();
  if (spectrum.trace > 0) {
    spectrum.block_ratio =
        static_cast<double>(examples) * blocks.square().sum().item<double>() / spectrum.trace;
  }
  auto [values, vectors] = at::linalg_eigh(ntk);
  spectrum.eigenvalues = values.to(at::kCPU, at::kDouble);
  spectrum.eigenvectors = std::move(vectors);
  return spectrum;
}

KernelNorms kernel_norms(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  const double outputs = static_cast<double>(spectrum.outputs);
  const std::int64_t examples = spectrum.eigenvalues.size(0) / spectrum.outputs;
  const double kappa = noise_factor(settings, examples);
  const double slow = kappa * settings.eta / (2 * (1 - settings.momentum));  // κ m/λ of a mode with ηλ ≪ 1
  KernelNorms norms;
  norms.ntk_lambda_max = spectrum.eigenvalues[-1].item<double>();
  norms.ntk_trace = spectrum.trace;
  norms.K_tr = slow * spectrum.trace / outputs;
  norms.K_block = slow * spectrum.block_ratio;
  if (!deterministic_part_is_stable(norms.ntk_lambda_max, settings)) {
    norms.K = norms.K_hd = kInfinity;
  } else if (kappa > 0) {
    const at::Tensor gains = mode_gains(nonzero_modes(spectrum.eigenvalues), kappa, settings);
    norms.K_hd = kappa / outputs * gains.sum().item<double>();
    norms.K = kappa * static_cast<double>(examples) * overlap_norm(spectrum, gains);
  }
  return norms;
}

double kernel_norm_full(const NtkSpectrum& spectrum, const KernelNormSettings& settings) {
  const std::int64_t outputs = spectrum.outputs;
  const std::int64_t examples = spectrum.eigenvalues.size(0) / outputs;
  const double kappa = noise_factor(settings, examples);
  if (!deterministic_part_is_stable(spectrum.eigenvalues[-1].item<double>(), settings)) return kInfinity;
  at::Tensor lambda = nonzero_modes(spectrum.eigenvalues);
  const std::int64_t live = at::count_nonzero(lambda).item<std::int64_t>();
  if (kappa == 0 || live == 0) return 0;
  const std::int64_t zero = lambda.size(0) - live;
  lambda = lambda.narrow(0, zero, live);
  const at::Tensor v = spectrum.eigenvectors.narrow(1, zero, live);
  const at::Tensor rows = v.view({examples, outputs, live});
  const at::Tensor gains = pair_gains(lambda, kappa, settings, v);
  const auto map = [&](const at::Tensor& y) {
    at::Tensor product = at::bmm(y.view({examples, outputs, outputs}), rows).view({-1, live});
    product = at::mm(v.t(), product).mul_(gains);
    product = at::mm(v, product);
    return at::bmm(product.view({examples, outputs, live}), rows.transpose(1, 2)).flatten();
  };
  const at::Tensor start = at::eye(outputs, v.options()).repeat({examples, 1, 1}).flatten();
  return kappa * static_cast<double>(examples) * largest_eigenvalue_of_positive_map(map, start);
}

KernelNorms kernel_norms(at::Tensor ntk, const KernelNormSettings& settings, bool full) {
  if (!at::isfinite(ntk.sum()).item<bool>()) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan, nan, nan, nan, nan, full ? std::optional(nan) : std::nullopt};
  }
  const NtkSpectrum spectrum = ntk_spectrum(std::move(ntk), settings.outputs);
  KernelNorms norms = kernel_norms(spectrum, settings);
  if (full) norms.K_full = kernel_norm_full(spectrum, settings);
  return norms;
}

}  // namespace edgesweep
