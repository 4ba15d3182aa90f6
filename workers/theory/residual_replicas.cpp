#include "workers/theory/residual_replicas.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/error.hpp"
#include "workers/data/philox.hpp"

namespace edgesweep {

ResidualReplicas::ResidualReplicas(const at::Tensor& ntk, const at::Tensor& targets, const KernelNormSettings& settings,
                                   const std::string& sampler, std::uint64_t trial_key, std::int64_t runs)
    : ntk_(ntk),
      targets_(targets.to(ntk.device())),
      settings_(settings),
      full_batch_(settings.batch == ntk.size(0)),
      z_(targets_.neg().repeat({runs, 1})) {
  if (settings.momentum > 0 || settings.l2 > 0) u_ = at::zeros_like(z_);
  if (full_batch_) return;
  batches_ = at::empty({runs, settings.batch}, at::kLong);
  for (std::int64_t run = 0; run < runs; ++run) {
    const std::uint64_t key =
        RandomStream(trial_key, RandomUse::linear_run, static_cast<std::uint64_t>(run)).next_u64();
    samplers_.push_back(make_sampler(sampler, key, ntk.size(0), settings.batch));
  }
}

void ResidualReplicas::draw_batches(std::int64_t step) {
  auto* out = batches_.data_ptr<std::int64_t>();
  for (const auto& sampler : samplers_) out = std::ranges::copy(sampler->batch(step), out).out;
}

/// (1/β) Θ̂ P z of every run, [runs, D].
at::Tensor ResidualReplicas::gradient(std::int64_t step) {
  if (full_batch_) return at::mm(z_, ntk_);
  draw_batches(step);
  const at::Tensor batches = batches_.to(z_.device());
  const double inverse_beta = static_cast<double>(ntk_.size(0)) / static_cast<double>(settings_.batch);
  const at::Tensor touched = z_.gather(1, batches).mul_(inverse_beta);
  // Row by row a batch moves B rows of Θ̂ for each run; a dense product costs about as much as some ten rows.
  constexpr std::int64_t kFewRows = 8;
  if (settings_.batch <= kFewRows) {
    at::Tensor result = at::zeros_like(z_);
    for (std::int64_t i = 0; i < settings_.batch; ++i) {
      result.addcmul_(ntk_.index_select(0, batches.select(1, i)), touched.narrow(1, i, 1));
    }
    return result;
  }
  return at::mm(at::zeros_like(z_).scatter_(1, batches, touched), ntk_);
}

void ResidualReplicas::advance(std::int64_t step) {
  const at::Tensor pushed = gradient(step);
  if (!u_.defined()) {
    z_.sub_(pushed, settings_.eta);
    return;
  }
  u_.mul_(settings_.momentum).add_(pushed, settings_.eta);
  if (settings_.l2 > 0) u_.add_(z_ + targets_, settings_.eta * settings_.l2);
  z_.sub_(u_);
}

MeanLoss ResidualReplicas::loss() const {
  const at::Tensor losses = z_.square().sum(1).div_(2 * static_cast<double>(z_.size(1))).cpu();
  const double runs = static_cast<double>(z_.size(0));
  const double mean = losses.mean().item<double>();
  if (z_.size(0) == 1) return {mean, std::numeric_limits<double>::quiet_NaN()};
  return {mean, std::sqrt((losses - mean).square_().sum().item<double>() / (runs - 1) / runs)};
}

std::map<std::string, at::Tensor> ResidualReplicas::state() const {
  std::map<std::string, at::Tensor> result{{"z", z_.clone()}};
  if (u_.defined()) result["u"] = u_.clone();
  return result;
}

void ResidualReplicas::restore(const std::map<std::string, at::Tensor>& saved) {
  const auto fits = [&](const char* name, const at::Tensor& mine) {
    const auto found = saved.find(name);
    return found != saved.end() && found->second.sizes() == mine.sizes() &&
           found->second.scalar_type() == mine.scalar_type();
  };
  if (saved.size() != (u_.defined() ? 2U : 1U) || !fits("z", z_) || (u_.defined() && !fits("u", u_))) {
    throw InputError("checkpoint", "its residuals are not those of the trial");
  }
  z_ = saved.at("z").to(z_.device(), z_.scalar_type(), false, true);
  if (u_.defined()) u_ = saved.at("u").to(u_.device(), u_.scalar_type(), false, true);
}

}  // namespace edgesweep
