#include "workers/measurements/bartlett.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <vector>

#include "workers/data/philox.hpp"
#include "workers/measurements/monte_carlo.hpp"
#include "workers/models/chunks.hpp"

namespace edgesweep {

TraceEstimate bartlett_trace(const MeasurementContext& context, const Examples& examples, c10::ScalarType dtype,
                             const BartlettSettings& settings) {
  const at::Tensor theta = context.theta.to(dtype);
  const Loss loss = context.optimizer.loss;
  std::vector<double> shares;
  std::vector<RunningMean> estimates;  // of each batch's trace, over draws
  for (std::int64_t draw = 0; draw < settings.draws; ++draw) {
    RandomStream random(context.random_key, RandomUse::sampled_labels, static_cast<std::uint64_t>(draw));
    std::size_t k = 0;
    for_each_chunk(examples.count(), settings.batch, [&](std::int64_t first, std::int64_t rows, double share) {
      const at::Tensor x = examples.inputs.narrow(0, first, rows).to(dtype);
      const at::Tensor f = context.model.predict(theta, x).to(at::kCPU, at::kDouble);
      const at::Tensor y = sampled_targets(loss, f, random).to(theta.options());
      const at::Tensor g = context.model.gradient(theta, x, y, loss);
      if (draw == 0) {
        shares.push_back(share);
        estimates.emplace_back();
      }
      estimates[k++].add(static_cast<double>(rows) * g.square().sum(at::kDouble).item<double>());
    });
  }
  TraceEstimate result;
  for (std::size_t k = 0; k < shares.size(); ++k) result.trace += shares[k] * estimates[k].mean();
  double variance = 0;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    const double error = settings.draws > 1 ? estimates[k].standard_error() : estimates[k].mean() - result.trace;
    variance += std::pow(shares[k] * error, 2);
  }
  const auto batches = static_cast<double>(shares.size());
  if (settings.draws == 1) variance = batches > 1 ? variance * batches / (batches - 1) : std::numeric_limits<double>::quiet_NaN();
  result.standard_error = std::sqrt(variance);
  return result;
}

}  // namespace edgesweep
