#include "workers/theory/quadratic_record.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <utility>

#include "engine/base/error.hpp"
#include "workers/linalg/kernel_norm.hpp"
#include "workers/theory/quadratic_theory.hpp"

namespace edgesweep {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr auto kLambdaHat = "lambda_hat";
constexpr auto kSigmaHat = "sigma_hat";

/// Writes one value or vector after the other.
class Writer {
 public:
  explicit Writer(std::span<double> out) : rest_(out) {}
  void put(const at::Tensor& values) {
    const at::Tensor flat = values.to(at::kCPU, at::kDouble).contiguous();
    put({flat.data_ptr<double>(), static_cast<std::size_t>(flat.numel())});
  }
  void put(std::span<const double> values) {
    std::copy(values.begin(), values.end(), rest_.begin());
    rest_ = rest_.subspan(values.size());
  }
  void put(const ReplicaAverage& average) {
    put(average.mean);
    put(average.error);
  }

 private:
  std::span<double> rest_;
};

at::Tensor shifted(const at::Tensor& history, const at::Tensor& newest) {
  return at::cat({newest.unsqueeze(0), history.narrow(0, 0, 2)});
}

/// K, K_block, K_hd, K_tr, λ_max and trace of each replica's NTK, averaged: +inf if it is +inf for one replica.
void put_kernel_norms(const QuadraticProblem& problem, const at::Tensor& kernels, double eta, std::int64_t batch,
                      Writer& writer) {
  KernelNormSettings settings;
  settings.eta = eta;
  settings.batch = batch;
  KernelNorms sum;
  for (std::int64_t replica = 0; replica < kernels.size(0); ++replica) {
    const at::Tensor ntk = problem.left.mm(kernels[replica]).mm(problem.left.t());
    const KernelNorms norms = kernel_norms((ntk + ntk.t()) / 2, settings);
    sum.K += norms.K;
    sum.K_block += norms.K_block;
    sum.K_hd += norms.K_hd;
    sum.K_tr += norms.K_tr;
    sum.ntk_lambda_max += norms.ntk_lambda_max;
    sum.ntk_trace += norms.ntk_trace;
  }
  for (const double value : {sum.K, sum.K_block, sum.K_hd, sum.K_tr, sum.ntk_lambda_max, sum.ntk_trace}) {
    const double mean = value / static_cast<double>(kernels.size(0));
    writer.put({&mean, 1});
  }
}

at::Tensor taken_from(const std::map<std::string, at::Tensor>& state, const char* name, const at::Tensor& like) {
  const auto found = state.find(name);
  if (found == state.end() || found->second.scalar_type() != at::kDouble || found->second.sizes() != like.sizes()) {
    throw InputError("checkpoint", std::string("its ") + name + " is not that of the measurement derivatives");
  }
  return found->second.to(like.device());
}

}  // namespace

ReplicaAverage average_over_replicas(const at::Tensor& values, const QuadraticSettings& settings) {
  const std::int64_t groups = values.size(0) / settings.replicas_per_curvature;
  const at::Tensor draws = values.unflatten(0, {groups, settings.replicas_per_curvature}).mean(1);
  const auto count = static_cast<double>(draws.size(0));
  const at::Tensor mean = draws.mean(0);
  if (groups == 1) return {mean, at::full_like(mean, kNaN)};
  return {mean, ((draws - mean).square().sum(0) / (count * (count - 1))).sqrt()};
}

QuadraticRecord::QuadraticRecord(const QuadraticProblem& problem, Json measure, double loss_above, double eta,
                                 std::int64_t batch)
    : problem_(problem), measure_(std::move(measure)), loss_above_(loss_above), eta_(eta), batch_(batch) {
  if (!measure_.contains("derivatives")) return;
  top_ = measure_.at("derivatives").at("top").get<std::int64_t>();
  const DerivativeTheory theory = derivative_theory(problem, eta, batch, top_);
  theory_.resize(static_cast<std::size_t>(3 * top_));
  Writer writer(theory_);
  writer.put(at::cat({theory.lambda_d1, theory.sigma_d2, theory.sigma_d2_exact}));
}

void QuadraticRecord::start(const QuadraticReplicas& replicas) {
  const at::Tensor nothing =
      at::full({3, problem_.settings.replicas, top_}, kNaN, problem_.sigma.options());
  history_ = {nothing, nothing};
  observe(replicas);
}

void QuadraticRecord::observe(const QuadraticReplicas& replicas) {
  if (top_ == 0) return;
  const at::Tensor rows = replicas.jacobians().narrow(1, 0, top_);  // w_αᵀJ
  history_.lambda_hat =
      shifted(history_.lambda_hat, rows.square().sum(2) / static_cast<double>(problem_.settings.examples));
  history_.sigma_hat = shifted(history_.sigma_hat, (rows * problem_.right.narrow(0, 0, top_)).sum(2));
}

void QuadraticRecord::fill(const QuadraticReplicas& replicas, std::span<double> out) const {
  const QuadraticSettings& settings = problem_.settings;
  Writer writer(out);
  const ReplicaAverage loss = average_over_replicas(replicas.losses(), settings);
  if (measure_.contains("loss")) writer.put(loss);
  if (top_ > 0) {
    for (const at::Tensor* f : {&history_.lambda_hat, &history_.sigma_hat}) {
      const at::Tensor now = (*f)[0], before = (*f)[1], long_before = (*f)[2];
      writer.put(average_over_replicas(now, settings));
      writer.put(average_over_replicas(now - before, settings));
      writer.put(average_over_replicas(now - 2 * before + long_before, settings));
    }
    writer.put(std::span<const double>(theory_));
  }
  if (!measure_.contains("eigenvalues") && !measure_.contains("kernel_norm")) return;
  if (!(loss.mean.item<double>() <= loss_above_)) return;
  const auto replicas_used = [&](const char* name) { return measure_.at(name).at("replicas").get<std::int64_t>(); };
  if (measure_.contains("eigenvalues")) {
    const auto top = measure_.at("eigenvalues").at("top").get<std::int64_t>();
    const at::Tensor ascending = at::linalg_eigvalsh(replicas.kernels(replicas_used("eigenvalues")));
    writer.put(average_over_replicas(ascending.narrow(1, ascending.size(1) - top, top).flip(1), settings));
  }
  if (measure_.contains("kernel_norm")) {
    put_kernel_norms(problem_, replicas.kernels(replicas_used("kernel_norm")), eta_, batch_, writer);
  }
}

std::map<std::string, at::Tensor> QuadraticRecord::state() const {
  if (top_ == 0) return {};
  return {{kLambdaHat, history_.lambda_hat}, {kSigmaHat, history_.sigma_hat}};
}

void QuadraticRecord::restore(const std::map<std::string, at::Tensor>& state) {
  if (top_ == 0) return;
  const at::Tensor like = at::empty({3, problem_.settings.replicas, top_}, problem_.sigma.options());
  history_ = {taken_from(state, kLambdaHat, like), taken_from(state, kSigmaHat, like)};
}

}  // namespace edgesweep
