#include "workers/theory/quadratic_replicas.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {
namespace {

constexpr auto kResiduals = "residuals";
constexpr auto kJacobians = "jacobians";

/// Rows of draws → rows of replicas: both of an antithetic pair are the same.
at::Tensor for_replicas(const at::Tensor& of_draws, const QuadraticSettings& settings) {
  return settings.antithetic ? of_draws.repeat_interleave(2, 0) : of_draws;
}

/// A random symmetric matrix whose elements on and above the diagonal are independent with standard deviation `spread`.
void draw_symmetric(RandomStream stream, double spread, std::int64_t size, double* matrix) {
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t j = i; j < size; ++j) {
      matrix[i * size + j] = matrix[j * size + i] = spread * stream.normal();
    }
  }
}

at::Tensor taken_from(const std::map<std::string, at::Tensor>& state, const char* name, const at::Tensor& like) {
  const auto found = state.find(name);
  if (found == state.end() || found->second.scalar_type() != at::kDouble || found->second.sizes() != like.sizes()) {
    throw InputError("checkpoint", std::string("its ") + name + " are not those of the replicas");
  }
  return found->second.to(like.device());
}

}  // namespace

QuadraticReplicas::QuadraticReplicas(const QuadraticProblem& problem, std::uint64_t key, double eta,
                                     std::int64_t batch)
    : problem_(problem), eta_(eta), batch_(batch) {
  const QuadraticSettings& settings = problem.settings;
  for (std::int64_t draw = 0; draw < settings.draws(); ++draw) {
    keys_.push_back(RandomStream(key, RandomUse::quadratic_replica, static_cast<std::uint64_t>(draw)).next_u64());
    samplers_.push_back(make_sampler(settings.sampler, keys_.back(), settings.examples, batch));
  }
  curvature_ = draw_curvature();
  const at::Tensor residuals = for_replicas(draw_residuals(), settings);
  initial_residuals_ = residuals.mm(problem.left);
  fixed_residuals_ = residuals - initial_residuals_.mm(problem.left.t());
  start();
}

void QuadraticReplicas::start() {
  residuals_ = initial_residuals_.clone();
  jacobians_ = (problem_.sigma.unsqueeze(1) * problem_.right)
                   .unsqueeze(0)
                   .repeat({problem_.settings.replicas, 1, 1});
}

void QuadraticReplicas::restore(const std::map<std::string, at::Tensor>& state) {
  const at::Tensor residuals = taken_from(state, kResiduals, residuals_);
  jacobians_ = taken_from(state, kJacobians, jacobians_).clone();
  residuals_ = residuals.clone();
}

std::map<std::string, at::Tensor> QuadraticReplicas::state() const {
  return {{kResiduals, residuals_.clone()}, {kJacobians, jacobians_.clone()}};
}

void QuadraticReplicas::advance(std::int64_t step) {
  const at::Tensor masked = (residuals() * batch_mask(step)).mm(problem_.left);                 // WᵀPz
  const at::Tensor steps = at::bmm(masked.unsqueeze(1), jacobians_).squeeze(1) * (-eta_ / static_cast<double>(batch_));
  const at::Tensor bent = apply_curvature(steps);                                               // M_α Δθ
  // z' uses J before the step: ½ Q(Δθ, Δθ) = ½ (M_α Δθ) · Δθ.
  residuals_ = residuals_ + at::bmm(jacobians_ + 0.5 * bent, steps.unsqueeze(2)).squeeze(2);
  jacobians_.add_(bent);
}

/// M_α Δθ of every replica: [R, P] → [R, modes, P].
at::Tensor QuadraticReplicas::apply_curvature(const at::Tensor& steps) const {
  const QuadraticSettings& s = problem_.settings;
  const at::Tensor rows = curvature_.view({s.draws(), s.modes() * s.parameters, s.parameters});
  if (!s.antithetic) return at::bmm(rows, steps.unsqueeze(2)).view({s.replicas, s.modes(), s.parameters});
  // Q and −Q act on the two steps of a pair in one pass over M_α.
  const at::Tensor pairs = steps.view({s.draws(), 2, s.parameters});
  const at::Tensor sign = at::tensor({1.0, -1.0}, steps.options()).view({1, 2, 1});
  return at::bmm(rows, (pairs * sign).transpose(1, 2))
      .transpose(1, 2)
      .reshape({s.replicas, s.modes(), s.parameters});
}

bool QuadraticReplicas::is_finite() const {
  return at::isfinite(residuals_).all().item<bool>() && at::isfinite(jacobians_).all().item<bool>();
}

at::Tensor QuadraticReplicas::losses() const {
  return (residuals_.square().sum(1) + fixed_residuals_.square().sum(1)) /
         (2.0 * static_cast<double>(problem_.settings.examples));
}

at::Tensor QuadraticReplicas::residuals() const { return at::addmm(fixed_residuals_, residuals_, problem_.left.t()); }

at::Tensor QuadraticReplicas::kernels() const {
  return at::bmm(jacobians_, jacobians_.transpose(1, 2)) / static_cast<double>(problem_.settings.examples);
}

at::Tensor QuadraticReplicas::batch_mask(std::int64_t step) {
  const QuadraticSettings& settings = problem_.settings;
  at::Tensor mask = at::zeros({settings.draws(), settings.examples}, at::kDouble);
  auto values = mask.accessor<double, 2>();
  for (std::int64_t draw = 0; draw < settings.draws(); ++draw) {
    for (const std::int64_t row : samplers_[static_cast<std::size_t>(draw)]->batch(step)) values[draw][row] = 1;
  }
  return for_replicas(mask, settings).to(problem_.left.device());
}

at::Tensor QuadraticReplicas::draw_residuals() const {
  const QuadraticSettings& settings = problem_.settings;
  at::Tensor residuals = at::empty({settings.draws(), settings.examples}, at::kDouble);
  double* value = residuals.data_ptr<double>();
  for (const std::uint64_t key : keys_) {
    RandomStream stream(key, RandomUse::quadratic_residuals);
    for (std::int64_t i = 0; i < settings.examples; ++i) {
      *value++ = std::sqrt(settings.residual_variance) * stream.normal();
    }
  }
  return residuals.to(problem_.left.device());
}

at::Tensor QuadraticReplicas::draw_curvature() const {
  const QuadraticSettings& settings = problem_.settings;
  const std::int64_t p = settings.parameters;
  const at::Tensor spreads = problem_.variances.sqrt().cpu();
  at::Tensor curvature = at::empty({settings.draws(), settings.modes(), p, p}, at::kDouble);
  double* matrix = curvature.data_ptr<double>();
  for (const std::uint64_t key : keys_) {
    for (std::int64_t mode = 0; mode < settings.modes(); ++mode, matrix += p * p) {
      const RandomStream stream(key, RandomUse::quadratic_curvature, static_cast<std::uint64_t>(mode));
      draw_symmetric(stream, spreads.data_ptr<double>()[mode], p, matrix);
    }
  }
  return curvature.to(problem_.left.device());
}

}  // namespace edgesweep
