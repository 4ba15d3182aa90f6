#include "workers/theory/second_moment.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/theory/dense_linear.hpp"

namespace edgesweep {
namespace {

double edge(const LinearProblem& problem) { return 2 / problem.spectrum.eigenvalues[-1].item<double>(); }

/// E zzᵀ after `steps` steps, from the definition: the mean over all batches of (Sx + c)(Sx + c)ᵀ at every step.
at::Tensor by_enumeration(const LinearProblem& problem, const KernelNormSettings& sgd, int steps) {
  const std::int64_t n = problem.ntk.size(0);
  const dense::Steps all = dense::steps_of_all_batches(problem.ntk, problem.targets, sgd);
  at::Tensor mean = at::cat({-problem.targets, at::zeros_like(problem.targets)});
  at::Tensor moment = at::outer(mean, mean);
  for (int step = 0; step < steps; ++step) {
    at::Tensor next = at::zeros_like(moment);
    at::Tensor next_mean = at::zeros_like(mean);
    for (const at::Tensor& s : all.matrices) {
      const at::Tensor moved = s.mv(mean);
      next += s.mm(moment).mm(s.t()) + at::outer(moved, all.shift) + at::outer(all.shift, moved) +
              at::outer(all.shift, all.shift);
      next_mean += moved + all.shift;
    }
    moment = next / static_cast<double>(all.matrices.size());
    mean = next_mean / static_cast<double>(all.matrices.size());
  }
  return moment.narrow(0, 0, n).narrow(1, 0, n);
}

TEST(SecondMoment, IsTheMeanOverAllBatchesForEveryKindOfSgd) {
  const LinearProblem problem = dense::problem("flat", 5, 2);
  for (const auto& [momentum, l2] : {std::pair{0.0, 0.0}, {0.9, 0.0}, {0.0, 0.3}, {0.5, 0.1}}) {
    for (const std::int64_t batch : {1, 3, 5}) {
      const KernelNormSettings sgd{0.4 * edge(problem), batch, momentum, l2, 1};
      SecondMoment exact(problem.spectrum, sgd, problem.targets);
      for (int step = 0; step < 7; ++step) exact.step();
      const at::Tensor wanted = by_enumeration(problem, sgd, 7);
      const double scale = wanted.abs().max().item<double>();
      EXPECT_LT((exact.residual_moment() - wanted).abs().max().item<double>(), 1e-12 * scale)
          << "momentum " << momentum << " l2 " << l2 << " B " << batch;
      EXPECT_NEAR(exact.loss(), wanted.trace().item<double>() / 10, 1e-12 * scale);
    }
  }
}

TEST(SecondMoment, WithL2RestsWhereTheKernelDoesNotMove) {
  const LinearProblem problem = dense::problem("flat", 5, 2, 2);  // two parameters, five examples
  const KernelNormSettings sgd{0.3 * edge(problem), 2, 0.5, 0.2, 1};
  SecondMoment exact(problem.spectrum, sgd, problem.targets);
  for (int step = 0; step < 6; ++step) exact.step();
  // The enumeration starts from u = 0 and f = 0, so that it too moves in the span of the kernel alone.
  const at::Tensor wanted = by_enumeration(problem, sgd, 6);
  const at::Tensor rest = problem.spectrum.eigenvectors.narrow(1, 0, 3);
  EXPECT_LT((exact.residual_moment() - wanted).abs().max().item<double>(), 1e-11 * wanted.abs().max().item<double>());
  const at::Tensor resting = problem.targets.matmul(rest);
  EXPECT_LT((rest.t().mm(exact.residual_moment()).mm(rest) - at::outer(resting, resting)).abs().max().item<double>(), 1e-12);
}

TEST(SecondMoment, StartsFromTheLossOfTheTargets) {
  const LinearProblem problem = dense::problem("dispersed", 30);
  const SecondMoment exact(problem.spectrum, {0.1, 2, 0, 0, 1}, problem.targets);
  EXPECT_NEAR(exact.loss(), problem.targets.square().sum().item<double>() / 60, 1e-13);
}

TEST(SecondMoment, ThatOutgrowsDoublesGoesOnAndComesOutAsInfinity) {
  const LinearProblem problem = dense::problem("flat", 6);
  for (const double l2 : {0.0, 0.1}) {
    SecondMoment exact(problem.spectrum, {5 * edge(problem), 1, 0.3, l2, 1}, problem.targets);
    double previous = exact.loss();
    for (int step = 0; step < 400; ++step) {
      exact.step();
      ASSERT_GT(exact.loss(), 0);
      if (step > 2 && !std::isinf(exact.loss())) {
        ASSERT_GT(exact.loss(), previous);
      }
      previous = exact.loss();
    }
    EXPECT_TRUE(std::isinf(exact.loss()));
    EXPECT_TRUE(at::isfinite(exact.state().at("zz")).all().item<bool>());
  }
}

TEST(SecondMoment, GoesOnFromItsStateWithTheSameBits) {
  const LinearProblem problem = dense::problem("localised", 12);
  const KernelNormSettings sgd{0.2 * edge(problem), 3, 0.9, 0.01, 1};
  SecondMoment whole(problem.spectrum, sgd, problem.targets);
  SecondMoment resumed(problem.spectrum, sgd, problem.targets);
  for (int step = 0; step < 5; ++step) whole.step();
  resumed.restore(whole.state());
  for (int step = 0; step < 5; ++step) {
    whole.step();
    resumed.step();
  }
  EXPECT_EQ(whole.loss(), resumed.loss());
  EXPECT_TRUE(at::equal(whole.residual_moment(), resumed.residual_moment()));
}

TEST(SecondMoment, RefusesAStateOfOtherMoments) {
  const LinearProblem problem = dense::problem("flat", 6);
  SecondMoment plain(problem.spectrum, {0.1, 1, 0, 0, 1}, problem.targets);
  const SecondMoment momentum(problem.spectrum, {0.1, 1, 0.5, 0, 1}, problem.targets);
  EXPECT_THROW(plain.restore(momentum.state()), InputError);
  auto state = plain.state();
  state["zz"] = at::zeros({5, 5}, at::kDouble);
  EXPECT_THROW(plain.restore(state), InputError);
}

}  // namespace
}  // namespace edgesweep
