// Traces of the Gauss–Newton matrix by drawn targets against exact ones: within four standard errors, and these against how
// estimates of many trials differ.
#include "workers/measurements/bartlett.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/workers/models/any_model.hpp"
#include "workers/measurements/kernel_signs.hpp"

namespace edgesweep {
namespace {

using namespace testing;

constexpr std::int64_t examples = 10;

struct Problem {
  Small small;
  std::unique_ptr<Model> model;
  at::Tensor theta;
  TrainTest data;
  SgdOptions optimizer;

  MeasurementContext context(std::uint64_t key = 42) const { return {*model, theta, data, 0, 0.2, 3, optimizer, key}; }
};

Problem problem(const Small& small, Loss loss) {
  Problem result{small, make_model(small), {}, {}, {}};
  result.theta = random_parameters(*result.model, 3).to(at::kFloat);
  result.data.train = {random_inputs(small, examples, 1).to(at::kFloat),
                       random_targets(loss, examples, small.outputs, 2).to(at::kFloat), {}};
  result.optimizer.loss = loss;
  return result;
}

/// Of the mean loss over the examples, from the dense Jacobian J and curvatures A: tr G = 1/N Σ tr(A_i J_i J_iᵀ), and Σ‖A_i^½ k_i A_i^½‖².
struct Exact {
  double trace = 0;
  double squares = 0;
};

Exact exact(const Problem& p) {
  const at::Tensor theta = p.theta.to(at::kDouble), x = p.data.train.inputs.to(at::kDouble), y = p.data.train.targets.to(at::kDouble);
  const at::Tensor kernels = p.model->Model::projected_kernels(
      theta, x, at::eye(p.small.outputs, at::kDouble).expand({examples, p.small.outputs, p.small.outputs}));
  const at::Tensor f = p.model->predict(theta, x);
  Exact result;
  for (std::int64_t i = 0; i < examples; ++i) {
    at::Tensor curvature = at::eye(p.small.outputs, at::kDouble);
    if (p.optimizer.loss == Loss::mse_sum) curvature = 2 * curvature;
    const at::Tensor fi = f[i];
    if (p.optimizer.loss == Loss::cross_entropy) {
      const at::Tensor prob = at::softmax(fi, 0);
      curvature = at::diag(prob) - at::outer(prob, prob);
    }
    if (p.optimizer.loss == Loss::logistic) {
      const at::Tensor s = at::sigmoid(fi);
      curvature = at::diag(s * (1 - s));
    }
    const at::Tensor weighted = at::mm(curvature, kernels[i]);
    result.trace += weighted.trace().item<double>() / examples;
    result.squares += at::mm(weighted, weighted).trace().item<double>();
  }
  return result;
}

const std::vector<Small> models{
    {R"({"name": "mlp", "hidden": [7], "activation": "tanh"})", {5}, 3},
    {R"({"name": "mlp", "hidden": [7], "activation": "tanh"})", {5}, 1},
    {R"({"name": "cnn", "activation": "tanh"})", {1, 8, 8}, 3},
    {R"({"name": "vit", "patch": 2, "width": 6, "blocks": 2, "heads": 2, "mlp_hidden": 8, "init": "xavier"})", {2, 4, 4}, 3}};

TEST(Bartlett, IsTheTraceWithinFourStandardErrors) {
  for (const Small& small : models) {
    for (const Loss loss : losses_for(small)) {
      const Problem p = problem(small, loss);
      const double trace = exact(p).trace;
      for (const std::int64_t batch : {1, 4, 10}) {
        const std::int64_t draws = small.input_shape.size() > 1 ? 40 : 200;
        const TraceEstimate found = bartlett_trace(p.context(), p.data.train, at::kDouble, {batch, draws});
        const std::string what = small.model + loss_names()[static_cast<std::size_t>(loss)] + " " + std::to_string(batch);
        // One output and a batch of one: the target's sign does not matter for a squared loss.
        EXPECT_NEAR(found.trace, trace, 4 * found.standard_error + 1e-9 * trace) << what;
        EXPECT_LT(found.standard_error, 0.3 * trace) << what;
      }
    }
  }
}

TEST(Bartlett, TellsItsStandardError) {
  const Problem p = problem(models[0], Loss::cross_entropy);
  for (const std::int64_t draws : {1, 5}) {
    double sum = 0, squares = 0, claimed = 0;
    constexpr int trials = 400;
    for (int key = 0; key < trials; ++key) {
      const TraceEstimate found = bartlett_trace(p.context(static_cast<std::uint64_t>(key)), p.data.train, at::kDouble, {2, draws});
      sum += found.trace;
      squares += found.trace * found.trace;
      claimed += found.standard_error * found.standard_error;
    }
    const double variance = squares / trials - std::pow(sum / trials, 2);
    EXPECT_NEAR(sum / trials, exact(p).trace, 4 * std::sqrt(variance / trials));
    if (draws > 1) {
      EXPECT_NEAR(claimed / trials / variance, 1, 0.25);  // of 400 trials, a variance of a skewed distribution
    } else {
      EXPECT_GT(claimed / trials / variance, 0.75);  // batches differ by themselves, too
    }
  }
}

TEST(Bartlett, IsNoNumberWithoutAnythingToCompare) {
  const Problem p = problem(models[0], Loss::cross_entropy);
  EXPECT_TRUE(std::isnan(bartlett_trace(p.context(), p.data.train, at::kDouble, {examples, 1}).standard_error));
}

TEST(KernelTraceByLabels, IsExactWithinFourStandardErrors) {
  for (const Small& small : models) {
    if (small.outputs == 1) continue;
    const Problem p = problem(small, Loss::cross_entropy);
    const Exact expected = exact(p);
    SampledSums sums;
    const std::int64_t draws = small.input_shape.size() > 1 ? 60 : 400;
    for (std::int64_t draw = 0; draw < draws; ++draw) sums.add(sampled_kernels(p.context(), at::kDouble, draw, Directions::labels));
    EXPECT_NEAR(sums.sum(1) / examples, expected.trace, 4 * sums.standard_error(1) / examples) << small.model;
    EXPECT_NEAR(sums.sum(2), expected.squares, 4 * sums.standard_error(2)) << small.model;
    EXPECT_LT(sums.standard_error(2), 0.3 * expected.squares) << small.model;
  }
}

}  // namespace
}  // namespace edgesweep
