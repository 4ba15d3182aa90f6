#include "workers/theory/second_moment.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"

namespace edgesweep {

SecondMoment::SecondMoment(const NtkSpectrum& spectrum, const KernelNormSettings& settings, const at::Tensor& targets)
    : examples_(static_cast<double>(targets.size(0))),
      kappa_(batch_noise_factor(targets.size(0), settings.batch)),
      mu_(settings.momentum),
      l2_(settings.l2),
      v_(spectrum.eigenvectors),
      has_u_(mu_ > 0 || l2_ > 0),
      has_mean_(l2_ > 0) {
  const at::Tensor lambda = spectrum.eigenvalues.to(v_.device());
  const at::Tensor y = v_.t().mv(targets.to(v_.device()));
  x_ = settings.eta * lambda;
  p_ = settings.eta * (lambda + l2_);
  // θ moves in directions with λ > 0 only, so that in the others f = 0 = z + y stays without decay.
  decay_ = at::where(lambda > 0, settings.eta * l2_ * y, at::zeros_like(y));
  p_ = at::where(lambda > 0, p_, at::zeros_like(p_));
  zz_ = at::outer(y, y);
  if (has_u_) {
    zu_ = at::zeros_like(zz_);
    uu_ = at::zeros_like(zz_);
  }
  if (has_mean_) {
    mean_z_ = -y;
    mean_u_ = at::zeros_like(y);
  }
}

/// F in the eigenbasis.
at::Tensor SecondMoment::noise() const {
  const at::Tensor variances = at::mm(v_, zz_).mul_(v_).sum(1);
  at::Tensor f = at::mm(v_.t(), (kappa_ * examples_ * variances).unsqueeze(1) * v_);
  return f.sub_(zz_, kappa_).mul_(x_.unsqueeze(1)).mul_(x_);
}

void SecondMoment::step() {
  if (!has_u_) {
    const at::Tensor still = 1 - p_;
    zz_ = zz_.mul(still.unsqueeze(1)).mul_(still).add_(noise());
    rescale();
    return;
  }
  const at::Tensor f = noise();
  // (z', u') = A (z, u) + (−1, 1) ηρy, and the noise enters as (−1, 1) too: E z'z'ᵀ and so on from u' = p z + μ u, z' = z − u'.
  const at::Tensor p = p_.unsqueeze(1);
  const at::Tensor uz_next = p * zz_ + mu_ * zu_.t();     // E (p z + μ u)_α z_ν
  const at::Tensor uu_part = p * zu_ + mu_ * uu_;         // E (p z + μ u)_α u_ν
  at::Tensor uu_next = uz_next * p_ + mu_ * uu_part;
  at::Tensor zu_next = uz_next.t() - uu_next;             // E (z − u')_α u'_ν
  at::Tensor zz_next = zz_ - uz_next - uz_next.t() + uu_next;
  if (has_mean_) {
    const at::Tensor c = std::ldexp(1.0, static_cast<int>(std::max<std::int64_t>(-exponent_, -2000))) * decay_;
    const at::Tensor u = p_ * mean_z_ + mu_ * mean_u_;
    const at::Tensor z = mean_z_ - u;
    const at::Tensor uc = at::outer(u, c);
    const at::Tensor zc = at::outer(z, c);
    const at::Tensor cc = at::outer(c, c);
    uu_next = uu_next + uc + uc.t() + cc;
    zu_next = zu_next + zc - uc.t() - cc;
    zz_next = zz_next - zc - zc.t() + cc;
    mean_u_ = u + c;
    mean_z_ = mean_z_ - mean_u_;
  }
  // Contiguous, as a checkpoint gives them back: products of other layouts may round otherwise.
  uu_ = (uu_next + f).contiguous();
  zu_ = (zu_next - f).contiguous();
  zz_ = (zz_next + f).contiguous();
  rescale();
}

void SecondMoment::rescale() {
  constexpr int shift = 200;
  const double limit = std::ldexp(1.0, 2 * shift);
  double largest = zz_.diagonal().max().item<double>();
  if (has_u_) largest = std::max(largest, uu_.diagonal().max().item<double>());
  if (largest < limit) return;
  const double factor = std::ldexp(1.0, -2 * shift);
  zz_ = zz_ * factor;
  if (has_u_) {
    zu_ = zu_ * factor;
    uu_ = uu_ * factor;
  }
  if (has_mean_) {
    mean_z_ = mean_z_ * std::ldexp(1.0, -shift);
    mean_u_ = mean_u_ * std::ldexp(1.0, -shift);
  }
  exponent_ += shift;
}

double SecondMoment::loss() const {
  const int exponent = static_cast<int>(std::min<std::int64_t>(2 * exponent_, 1 << 20));
  return std::ldexp(zz_.diagonal().sum().item<double>() / (2 * examples_), exponent);
}

at::Tensor SecondMoment::residual_moment() const {
  const int exponent = static_cast<int>(std::min<std::int64_t>(2 * exponent_, 1 << 20));
  return at::mm(at::mm(v_, zz_), v_.t()) * std::ldexp(1.0, exponent);
}

std::map<std::string, at::Tensor> SecondMoment::state() const {
  std::map<std::string, at::Tensor> result{{"zz", zz_}, {"exponent", at::full({}, exponent_, at::kLong)}};
  if (has_u_) {
    result["zu"] = zu_;
    result["uu"] = uu_;
  }
  if (has_mean_) {
    result["mean_z"] = mean_z_;
    result["mean_u"] = mean_u_;
  }
  return result;
}

void SecondMoment::restore(const std::map<std::string, at::Tensor>& saved) {
  const auto mine = state();
  if (saved.size() != mine.size()) throw InputError("checkpoint", "it is of other moments");
  for (const auto& [name, tensor] : mine) {
    const auto found = saved.find(name);
    if (found == saved.end() || found->second.sizes() != tensor.sizes() ||
        found->second.scalar_type() != tensor.scalar_type()) {
      throw InputError("checkpoint", "its moments \"" + name + "\" are not those of the trial");
    }
  }
  const auto take = [&](const char* name) { return saved.at(name).to(v_.device()); };
  zz_ = take("zz");
  exponent_ = saved.at("exponent").item<std::int64_t>();
  if (has_u_) {
    zu_ = take("zu");
    uu_ = take("uu");
  }
  if (has_mean_) {
    mean_z_ = take("mean_z");
    mean_u_ = take("mean_u");
  }
}

}  // namespace edgesweep
