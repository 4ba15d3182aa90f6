#include "workers/theory/residual_replicas.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/theory/dense_linear.hpp"
#include "workers/data/philox.hpp"
#include "workers/theory/second_moment.hpp"
#include "workers/theory/stability_edges.hpp"

namespace edgesweep {
namespace {

/// The loss of run `run` after `steps` steps of SGD on the parameters θ and velocity v themselves.
double loss_of_parameters(const at::Tensor& jacobian, const at::Tensor& y, const KernelNormSettings& sgd,
                          const std::string& sampler_name, std::uint64_t trial_key, std::uint64_t run, int steps) {
  const std::int64_t n = jacobian.size(0);
  const auto sampler =
      make_sampler(sampler_name, RandomStream(trial_key, RandomUse::linear_run, run).next_u64(), n, sgd.batch);
  at::Tensor theta = at::zeros({jacobian.size(1)}, at::kDouble);
  at::Tensor velocity = at::zeros_like(theta);
  for (int step = 0; step < steps; ++step) {
    at::Tensor gradient = sgd.l2 * theta;
    for (const std::int64_t i : sampler->batch(step)) {
      gradient += jacobian[i] * (jacobian[i].dot(theta) - y[i]) / static_cast<double>(sgd.batch);
    }
    velocity = sgd.momentum * velocity + gradient;
    theta = theta - sgd.eta * velocity;
  }
  return (jacobian.mv(theta) - y).square().sum().item<double>() / (2 * static_cast<double>(n));
}

TEST(ResidualReplicas, AreSgdOnTheParameters) {
  const std::int64_t n = 24;
  const at::Tensor jacobian = at::cos(at::arange(n * 10, at::kDouble).square().view({n, 10}));
  const at::Tensor ntk = jacobian.mm(jacobian.t()) / static_cast<double>(n);
  const at::Tensor y = at::sin(at::arange(n, at::kDouble));
  for (const auto& [momentum, l2] : {std::pair{0.0, 0.0}, {0.9, 0.0}, {0.5, 0.1}}) {
    for (const std::int64_t batch : {1, 5, 11, 24}) {  // row by row, and as a dense product
      for (const char* sampler : {"iid", "epoch"}) {
        const KernelNormSettings sgd{0.05, batch, momentum, l2, 1};
        ResidualReplicas replicas(ntk, y, sgd, sampler, 77, 3);
        for (int step = 0; step < 9; ++step) replicas.advance(step);
        double sum = 0;
        double squares = 0;
        for (std::uint64_t run = 0; run < 3; ++run) {
          const double loss = loss_of_parameters(jacobian, y, sgd, sampler, 77, run, 9);
          sum += loss;
          squares += loss * loss;
        }
        EXPECT_NEAR(replicas.loss().mean, sum / 3, 1e-13);
        // Of differences of squares: half the digits.
        EXPECT_NEAR(replicas.loss().standard_error, std::sqrt(std::max(0.0, squares - sum * sum / 3) / 6), 1e-7);
      }
    }
  }
}

TEST(ResidualReplicas, GoOnFromTheirStateWithTheSameBits) {
  const LinearProblem problem = dense::problem("flat", 20);
  const KernelNormSettings sgd{0.1, 3, 0.9, 0, 1};
  ResidualReplicas whole(problem.ntk, problem.targets, sgd, "epoch", 5, 4);
  ResidualReplicas resumed(problem.ntk, problem.targets, sgd, "epoch", 5, 4);
  for (int step = 0; step < 9; ++step) whole.advance(step);
  resumed.restore(whole.state());
  for (int step = 9; step < 20; ++step) {
    whole.advance(step);
    resumed.advance(step);
  }
  EXPECT_EQ(whole.loss().mean, resumed.loss().mean);
  EXPECT_TRUE(at::equal(whole.state().at("z"), resumed.state().at("z")));
  ResidualReplicas other(problem.ntk, problem.targets, sgd, "epoch", 5, 5);
  EXPECT_THROW(other.restore(whole.state()), InputError);
}

/// How far the simulated mean lies from the exact expectation at each of some steps, in standard errors.
std::vector<double> deviations(const LinearProblem& problem, const KernelNormSettings& sgd, const std::string& sampler,
                               std::uint64_t key, std::int64_t runs, std::vector<int> steps) {
  SecondMoment exact(problem.spectrum, sgd, problem.targets);
  ResidualReplicas replicas(problem.ntk, problem.targets, sgd, sampler, key, runs);
  std::vector<double> result;
  int step = 0;
  for (const int wanted : steps) {
    for (; step < wanted; ++step) {
      exact.step();
      replicas.advance(step);
    }
    const MeanLoss loss = replicas.loss();
    result.push_back((loss.mean - exact.loss()) / loss.standard_error);
  }
  return result;
}

// 54 points of (η, B, t) below the threshold, where the loss has few heavy tails: three standard errors are exceeded by
// 1 of 370 normal deviates, so one of 54 may, and none by 4.5.
TEST(ResidualReplicas, HaveTheExactExpectedLossWithinThreeStandardErrors) {
  const LinearProblem problem = dense::problem("flat", 40);
  std::uint64_t key = 1;
  int beyond_three = 0;
  int points = 0;
  double largest = 0;
  for (const auto& [momentum, l2] : {std::pair{0.0, 0.0}, {0.9, 0.0}, {0.6, 0.05}}) {
    for (const std::int64_t batch : {1, 4, 16}) {
      KernelNormSettings sgd{0, batch, momentum, l2, 1};
      const double threshold = stability_edges(problem.spectrum, sgd).T;
      for (const double fraction : {0.3, 0.7}) {
        sgd.eta = fraction * threshold;
        for (const double deviation : deviations(problem, sgd, "iid", ++key, 1000, {1, 10, 40})) {
          ++points;
          beyond_three += std::abs(deviation) > 3 ? 1 : 0;
          largest = std::max(largest, std::abs(deviation));
          if (std::abs(deviation) > 2.5) {
            std::printf("momentum %g l2 %g B %ld, %g of the threshold: %.2f\n", momentum, l2, static_cast<long>(batch),
                        fraction, deviation);
          }
        }
      }
    }
  }
  std::printf("%d points, %d beyond 3 standard errors, the farthest at %.2f\n", points, beyond_three, largest);
  EXPECT_EQ(points, 54);
  EXPECT_LE(beyond_three, 1);
  EXPECT_LT(largest, 4.5);
}

// An epoch's batches are disjoint, so that from the second step on they depend on those before: equation (7) is exact for
// t ≤ 1 and at B = D only.
TEST(ResidualReplicas, WithEpochsFollowTheTheoryForTheFirstStepOnly) {
  const LinearProblem problem = dense::problem("flat", 40);
  KernelNormSettings sgd{0, 4, 0, 0, 1};
  sgd.eta = 0.7 * stability_edges(problem.spectrum, sgd).T;
  const std::vector<double> d = deviations(problem, sgd, "epoch", 3, 4000, {1, 10, 60});
  std::printf("epochs, in standard errors after 1, 10, 60 steps: %.1f %.1f %.1f\n", d[0], d[1], d[2]);
  EXPECT_LT(std::abs(d[0]), 3.5);
  EXPECT_GT(std::abs(d[1]), 6);
  EXPECT_GT(std::abs(d[2]), 6);
  sgd.batch = 40;
  SecondMoment exact(problem.spectrum, sgd, problem.targets);
  ResidualReplicas replicas(problem.ntk, problem.targets, sgd, "epoch", 3, 2);
  for (int step = 0; step < 50; ++step) {
    exact.step();
    replicas.advance(step);
  }
  EXPECT_NEAR(replicas.loss().mean, exact.loss(), 1e-12 * exact.loss());
  EXPECT_EQ(replicas.loss().standard_error, 0);
}

}  // namespace
}  // namespace edgesweep
