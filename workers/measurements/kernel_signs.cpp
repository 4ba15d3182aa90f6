#include "workers/measurements/kernel_signs.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "workers/data/philox.hpp"
#include "workers/models/chunks.hpp"

namespace edgesweep {
namespace {

/// Examples of one pass.
constexpr std::int64_t pass_rows = 256;

/// N × 3 × C random signs: two directions of every example, and one more for the kernels without the loss's curvature.
at::Tensor draw_signs(const MeasurementContext& context, std::int64_t draw) {
  const at::Tensor signs = at::empty({context.data.train.count(), 3, context.model.outputs()}, at::kFloat);
  RandomStream stream(context.random_key, RandomUse::output_signs, static_cast<std::uint64_t>(draw));
  float* values = signs.data_ptr<float>();
  std::generate(values, values + signs.numel(), [&] { return static_cast<float>(stream.sign()); });
  return signs;
}

/// R_i u_i of a draw, for the two of its directions; examples come in order, chunk after chunk.
class CurvedDirections {
 public:
  CurvedDirections(const MeasurementContext& context, Directions kind, std::int64_t draw)
      : loss_(context.optimizer.loss), kind_(kind) {
    for (const std::int64_t which : {0, 1}) {
      labels_.emplace_back(context.random_key, RandomUse::sampled_labels, static_cast<std::uint64_t>(2 * draw + which));
    }
  }

  /// `signs`: u_i of these examples for direction `which`. All N × C.
  at::Tensor operator()(std::size_t which, const at::Tensor& f, const at::Tensor& y, const at::Tensor& signs) {
    if (kind_ == Directions::signs) return loss_curvature_root(loss_, f, y, signs);
    const at::Tensor drawn = sampled_targets(loss_, f.to(at::kCPU, at::kDouble), labels_[which]);
    return at::softmax(f, 1) - drawn.to(f.options());
  }

 private:
  Loss loss_;
  Directions kind_;
  std::vector<RandomStream> labels_;
};

}  // namespace

at::Tensor sampled_kernels(const MeasurementContext& context, c10::ScalarType dtype, std::int64_t draw, Directions kind) {
  const Examples& train = context.data.train;
  const Loss loss = context.optimizer.loss;
  const at::Tensor theta = context.theta.to(dtype), signs = draw_signs(context, draw);
  CurvedDirections curved(context, kind, draw);
  const at::Tensor result = at::empty({3, train.count()}, at::kDouble);
  for_each_chunk(train.count(), pass_rows, [&](std::int64_t first, std::int64_t rows, double) {
    const at::Tensor x = train.inputs.narrow(0, first, rows).to(dtype);
    at::Tensor directions = signs.narrow(0, first, rows).to(theta.options());
    if (is_squared(loss)) {
      directions = directions.narrow(1, 0, 2);  // the curvature is a number
    } else {
      const at::NoGradGuard no_graph;
      const at::Tensor f = context.model.predict(theta, x), y = train.targets.narrow(0, first, rows).to(dtype);
      const at::Tensor first_direction = curved(0, f, y, directions.select(1, 0));
      directions = at::stack({first_direction, curved(1, f, y, directions.select(1, 1)), directions.select(1, 2)}, 1);
    }
    const at::Tensor k = context.model.projected_kernels(theta, x, directions).to(at::kCPU, at::kDouble);
    const auto entry = [&](std::int64_t a, std::int64_t b) { return k.select(1, a).select(1, b); };
    const double scale = is_squared(loss) ? squared_loss_scale(loss) : 1;
    const at::Tensor trace = (entry(0, 0) + entry(1, 1)) / 2;
    at::Tensor part = result.narrow(1, first, rows);
    part[0].copy_(is_squared(loss) ? trace : entry(2, 2));
    part[1].copy_(scale * trace);
    part[2].copy_(scale * scale * entry(0, 1).square());
  });
  return result;
}

at::Tensor sampled_chunk_kernels(const MeasurementContext& context, c10::ScalarType dtype, std::int64_t draw, Directions kind) {
  const Examples& train = context.data.train;
  const Loss loss = context.optimizer.loss;
  const at::Tensor signs = draw_signs(context, draw);
  const at::AutoGradMode graph(true);
  const at::Tensor leaf = context.theta.to(dtype).detach().clone().requires_grad_(true);
  CurvedDirections curved(context, kind, draw);
  std::vector<double> traces, weighted;
  for_each_chunk(train.count(), context.model.chunk_rows(), [&](std::int64_t first, std::int64_t rows, double) {
    const at::Tensor f = context.model.forward(leaf, train.inputs.narrow(0, first, rows).to(dtype));
    const auto square = [&](const at::Tensor& u) {
      return torch::autograd::grad({f}, {leaf}, {u}, true)[0].square().sum(at::kDouble).item<double>();
    };
    const at::Tensor chunk_signs = signs.narrow(0, first, rows).to(f.options());
    const auto direction = [&](std::int64_t r) { return chunk_signs.select(1, r).contiguous(); };
    if (is_squared(loss)) {
      traces.push_back((square(direction(0)) + square(direction(1))) / 2);
      weighted.push_back(squared_loss_scale(loss) * traces.back());
    } else {
      const at::Tensor y = train.targets.narrow(0, first, rows).to(dtype);
      const double first_square = square(curved(0, f.detach(), y, direction(0)));
      traces.push_back(square(direction(2)));
      weighted.push_back((first_square + square(curved(1, f.detach(), y, direction(1)))) / 2);
    }
  });
  const at::Tensor nothing = at::full({static_cast<std::int64_t>(traces.size())}, std::nan(""), at::kDouble);
  return at::stack({at::tensor(traces, at::kDouble), at::tensor(weighted, at::kDouble), nothing});
}

void SampledSums::add(const at::Tensor& values) {
  if (count_++ == 0) {
    mean_ = at::zeros_like(values);
    products_ = at::zeros({values.size(0), values.size(0)}, at::kDouble);
  }
  const at::Tensor before = values - mean_;
  mean_ = mean_ + before / static_cast<double>(count_);
  products_ = products_ + at::mm(before, (values - mean_).t());
}

double SampledSums::summed_covariance(std::int64_t a, std::int64_t b) const {
  if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(count_);
  return products_[a][b].item<double>() / (n - 1) / n;
}

double SampledSums::standard_error(std::int64_t row) const { return std::sqrt(summed_covariance(row, row)); }

double SampledSums::ratio_standard_error(std::int64_t row, std::int64_t by) const {
  const double ratio = sum(row) / sum(by);
  const double variance = summed_covariance(row, row) - 2 * ratio * summed_covariance(row, by) +
                          ratio * ratio * summed_covariance(by, by);
  return std::sqrt(std::max(variance, 0.0)) / sum(by);
}

}  // namespace edgesweep
