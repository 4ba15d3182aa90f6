#include "workers/theory/quadratic_replicas.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"
#include "workers/theory/symmetric_products.hpp"

namespace edgesweep {
namespace {

constexpr auto kResiduals = "residuals";
constexpr auto kJacobians = "jacobians";

/// Rows of starts → rows of replicas: both of an antithetic pair are the same.
at::Tensor for_replicas(const at::Tensor& of_starts, const QuadraticSettings& settings) {
  return settings.antithetic ? of_starts.repeat_interleave(2, 0) : of_starts;
}

/// z_0 of each start, [starts, D].
at::Tensor draw_residuals(const QuadraticSettings& settings, std::uint64_t key) {
  at::Tensor residuals = at::empty({settings.starts(), settings.examples}, at::kDouble);
  const double spread = std::sqrt(settings.residual_variance);
  double* value = residuals.data_ptr<double>();
  for (std::int64_t start = 0; start < settings.starts(); ++start) {
    RandomStream stream(key, RandomUse::quadratic_residuals, static_cast<std::uint64_t>(start));
    for (std::int64_t i = 0; i < settings.examples; ++i) *value++ = spread * stream.normal();
  }
  return residuals;
}

/// A random symmetric matrix whose elements on and above the diagonal are independent with standard deviation `spread`.
void draw_symmetric(RandomStream stream, double spread, std::int64_t size, double* matrix) {
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t j = i; j < size; ++j) {
      matrix[i * size + j] = matrix[j * size + i] = spread * stream.normal();
    }
  }
}

/// [draws, modes, P, P]
at::Tensor draw_curvature(const QuadraticSettings& settings, const at::Tensor& variances, std::uint64_t key) {
  const std::int64_t p = settings.parameters, modes = settings.modes();
  const at::Tensor spreads = variances.sqrt().cpu();
  at::Tensor curvature = at::empty({settings.draws(), modes, p, p}, at::kDouble);
  double* matrix = curvature.data_ptr<double>();
  for (std::int64_t index = 0; index < settings.draws() * modes; ++index, matrix += p * p) {
    const RandomStream stream(key, RandomUse::quadratic_curvature, static_cast<std::uint64_t>(index));
    draw_symmetric(stream, spreads.data_ptr<double>()[index % modes], p, matrix);
  }
  return curvature;
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
  for (std::int64_t start = 0; start < settings.starts(); ++start) {
    RandomStream stream(key, RandomUse::quadratic_batches, static_cast<std::uint64_t>(start));
    samplers_.push_back(make_sampler(settings.sampler, stream.next_u64(), settings.examples, batch));
  }
  const at::Device device = problem.left.device();
  curvature_ = draw_curvature(settings, problem.variances, key).to(device);
  const at::Tensor residuals = for_replicas(draw_residuals(settings, key).to(device), settings);
  initial_residuals_ = residuals.mm(problem.left);
  fixed_residuals_ = residuals - initial_residuals_.mm(problem.left.t());
  start();
}

void QuadraticReplicas::start() {
  residuals_ = initial_residuals_.clone();
  jacobians_ = (problem_.sigma.unsqueeze(1) * problem_.right)
                   .unsqueeze(0)
                   .repeat({problem_.settings.replicas, 1, 1});
  bent_ = at::empty_like(jacobians_);
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
  const at::Tensor masked = (residuals() * batch_mask(step)).mm(problem_.left);  // WᵀPz
  const at::Tensor steps =
      at::bmm(masked.unsqueeze(1), jacobians_).squeeze(1) * (-eta_ / static_cast<double>(batch_));
  // z is quadratic in θ, so that J Δθ + ½ Q(Δθ, Δθ) is Δθ times the mean of J before and after.
  const at::Tensor before = at::bmm(jacobians_, steps.unsqueeze(2)).squeeze(2);
  jacobians_.add_(apply_curvature(steps));
  const at::Tensor after = at::bmm(jacobians_, steps.unsqueeze(2)).squeeze(2);
  residuals_ = residuals_ + 0.5 * (before + after);
}

/// M_α Δθ of every replica, with the sign of its Q: [R, P] → [R, modes, P].
const at::Tensor& QuadraticReplicas::apply_curvature(const at::Tensor& steps) {
  const QuadraticSettings& s = problem_.settings;
  at::Tensor signed_steps = steps;
  if (s.antithetic) signed_steps = steps * at::tensor({1.0, -1.0}, steps.options()).repeat({s.starts()}).unsqueeze(1);
  const std::int64_t group = s.replicas_per_curvature;
  at::Tensor products = bent_.view({s.draws(), group, s.modes(), s.parameters});
  symmetric_products(curvature_, signed_steps.view({s.draws(), group, s.parameters}), products);
  return bent_;
}

bool QuadraticReplicas::is_finite() const {
  return at::isfinite(residuals_).all().item<bool>() && at::isfinite(jacobians_).all().item<bool>();
}

at::Tensor QuadraticReplicas::losses() const {
  return (residuals_.square().sum(1) + fixed_residuals_.square().sum(1)) /
         (2.0 * static_cast<double>(problem_.settings.examples));
}

at::Tensor QuadraticReplicas::residuals() const { return at::addmm(fixed_residuals_, residuals_, problem_.left.t()); }

at::Tensor QuadraticReplicas::kernels(std::int64_t first) const {
  const at::Tensor rows = jacobians_.narrow(0, 0, first);
  return at::bmm(rows, rows.transpose(1, 2)) / static_cast<double>(problem_.settings.examples);
}

at::Tensor QuadraticReplicas::batch_mask(std::int64_t step) {
  const QuadraticSettings& settings = problem_.settings;
  at::Tensor mask = at::zeros({settings.starts(), settings.examples}, at::kDouble);
  auto values = mask.accessor<double, 2>();
  for (std::int64_t start = 0; start < settings.starts(); ++start) {
    for (const std::int64_t row : samplers_[static_cast<std::size_t>(start)]->batch(step)) values[start][row] = 1;
  }
  return for_replicas(mask.to(problem_.left.device()), settings);
}

}  // namespace edgesweep
