// The batched dynamics against the model itself: an explicit D × P × P tensor, f(θ) evaluated at θ, loops written out.
#include "workers/theory/quadratic_replicas.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/theory/quadratic_problems.hpp"

namespace edgesweep {
namespace {

using testing::small_settings;

constexpr std::uint64_t kKey = 77;

/// z(θ) = z_0 + J_0 θ + ½ Q(θ, θ) with Q_iab = ± Σ_α w_iα M_αab, all indices written out.
class ExplicitModel {
 public:
  ExplicitModel(const QuadraticProblem& problem, const at::Tensor& curvature, double sign, const at::Tensor& z0)
      : d_(problem.settings.examples), p_(problem.settings.parameters), j0_(problem.jacobian), z0_(z0) {
    q_ = at::zeros({d_, p_, p_}, at::kDouble);
    auto q = q_.accessor<double, 3>();
    const auto w = problem.left.accessor<double, 2>();
    const auto m = curvature.accessor<double, 3>();
    for (std::int64_t i = 0; i < d_; ++i) {
      for (std::int64_t alpha = 0; alpha < curvature.size(0); ++alpha) {
        for (std::int64_t a = 0; a < p_; ++a) {
          for (std::int64_t b = 0; b < p_; ++b) q[i][a][b] += sign * w[i][alpha] * m[alpha][a][b];
        }
      }
    }
  }

  std::vector<double> residuals(const std::vector<double>& theta) const {
    const auto q = q_.accessor<double, 3>();
    const auto j = j0_.accessor<double, 2>();
    std::vector<double> z(static_cast<std::size_t>(d_));
    for (std::int64_t i = 0; i < d_; ++i) {
      double value = z0_.accessor<double, 1>()[i];
      for (std::int64_t a = 0; a < p_; ++a) {
        value += j[i][a] * theta[static_cast<std::size_t>(a)];
        for (std::int64_t b = 0; b < p_; ++b) {
          value += 0.5 * q[i][a][b] * theta[static_cast<std::size_t>(a)] * theta[static_cast<std::size_t>(b)];
        }
      }
      z[static_cast<std::size_t>(i)] = value;
    }
    return z;
  }

  /// Central differences of a quadratic function are exact up to rounding, here about 1e-14.
  at::Tensor jacobian(const std::vector<double>& theta) const {
    constexpr double kStep = 0.5;
    at::Tensor result = at::empty({d_, p_}, at::kDouble);
    auto values = result.accessor<double, 2>();
    for (std::int64_t a = 0; a < p_; ++a) {
      std::vector<double> above = theta, below = theta;
      above[static_cast<std::size_t>(a)] += kStep;
      below[static_cast<std::size_t>(a)] -= kStep;
      const std::vector<double> high = residuals(above), low = residuals(below);
      for (std::int64_t i = 0; i < d_; ++i) {
        values[i][a] = (high[static_cast<std::size_t>(i)] - low[static_cast<std::size_t>(i)]) / (2 * kStep);
      }
    }
    return result;
  }

  /// θ after one step of SGD on 1/(2B) Σ_batch z².
  std::vector<double> stepped(std::vector<double> theta, const at::Tensor& mask, double eta, std::int64_t batch) const {
    const std::vector<double> z = residuals(theta);
    const at::Tensor j = jacobian(theta);
    const auto values = j.accessor<double, 2>();
    for (std::int64_t a = 0; a < p_; ++a) {
      double gradient = 0;
      for (std::int64_t i = 0; i < d_; ++i) {
        gradient += mask.accessor<double, 1>()[i] * values[i][a] * z[static_cast<std::size_t>(i)];
      }
      theta[static_cast<std::size_t>(a)] -= eta / static_cast<double>(batch) * gradient;
    }
    return theta;
  }

 private:
  std::int64_t d_;
  std::int64_t p_;
  at::Tensor j0_;
  at::Tensor z0_;
  at::Tensor q_;
};

double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

void expect_the_models_own_trajectory(const QuadraticSettings& settings, std::int64_t batch, int steps) {
  const QuadraticProblem problem = make_quadratic_problem(settings, at::kCPU);
  const double eta = 0.05;
  QuadraticReplicas replicas(problem, kKey, eta, batch);
  std::vector<ExplicitModel> models;
  std::vector<std::vector<double>> thetas;
  for (std::int64_t r = 0; r < settings.replicas; ++r) {
    const std::int64_t draw = r / settings.replicas_per_curvature;
    const double sign = settings.antithetic && r % 2 == 1 ? -1 : 1;
    models.emplace_back(problem, replicas.curvature()[draw], sign, replicas.residuals()[r]);
    thetas.emplace_back(static_cast<std::size_t>(settings.parameters), 0.0);
  }
  for (int step = 0; step < steps; ++step) {
    const at::Tensor mask = replicas.batch_mask(step);
    EXPECT_TRUE(at::equal(mask.sum(1), at::full({settings.replicas}, static_cast<double>(batch), at::kDouble)));
    replicas.advance(step);
    for (std::size_t r = 0; r < models.size(); ++r) {
      const auto row = static_cast<std::int64_t>(r);
      thetas[r] = models[r].stepped(thetas[r], mask[row], eta, batch);
      const std::vector<double> expected = models[r].residuals(thetas[r]);
      const at::Tensor z = at::tensor(expected, at::kDouble), j = models[r].jacobian(thetas[r]);
      // Rounding of some 1e3 operations on numbers of order 1 to 10.
      EXPECT_LT(distance(replicas.residuals()[row], z), 1e-12) << "replica " << r << " step " << step;
      EXPECT_LT(distance(problem.left.mm(replicas.jacobians()[row]), j), 1e-12) << "replica " << r << " step " << step;
      const at::Tensor ntk = j.mm(j.t()) / static_cast<double>(settings.examples);
      EXPECT_LT(distance(problem.left.mm(replicas.kernels(settings.replicas)[row]).mm(problem.left.t()), ntk), 1e-12);
      EXPECT_NEAR(replicas.losses()[row].item<double>(),
                  z.square().sum().item<double>() / (2.0 * static_cast<double>(settings.examples)), 1e-12);
    }
  }
}

TEST(QuadraticReplicas, FollowTheModelEvaluatedAtThetaWithFewerExamplesThanParameters) {
  expect_the_models_own_trajectory(small_settings(5, 9, 4), 2, 6);
}

TEST(QuadraticReplicas, FollowTheModelEvaluatedAtThetaWithMoreExamplesThanParameters) {
  expect_the_models_own_trajectory(small_settings(9, 5, 4), 4, 6);
}

TEST(QuadraticReplicas, FollowTheModelEvaluatedAtThetaWithoutPairsShapedAndByEpochs) {
  QuadraticSettings settings = small_settings(6, 8, 3, false);
  settings.curvature = {0.03, 2.0};
  settings.sampler = "epoch";
  expect_the_models_own_trajectory(settings, 3, 6);
}

TEST(QuadraticReplicas, FollowTheModelEvaluatedAtThetaWithOneCurvatureForSeveralStarts) {
  QuadraticSettings settings = small_settings(5, 7, 12);
  settings.replicas_per_curvature = 6;
  expect_the_models_own_trajectory(settings, 2, 4);
  settings.antithetic = false;
  settings.replicas_per_curvature = 3;
  expect_the_models_own_trajectory(settings, 2, 4);
}

TEST(QuadraticReplicas, OfAPairDifferInTheSignOfQAlone) {
  const QuadraticProblem problem = make_quadratic_problem(small_settings(6, 8, 4), at::kCPU);
  QuadraticReplicas replicas(problem, kKey, 0.05, 2);
  EXPECT_EQ(replicas.curvature().size(0), 2);
  EXPECT_TRUE(at::equal(replicas.residuals()[0], replicas.residuals()[1]));
  EXPECT_FALSE(at::equal(replicas.residuals()[0], replicas.residuals()[2]));
  EXPECT_TRUE(at::equal(replicas.batch_mask(0)[2], replicas.batch_mask(0)[3]));
  const at::Tensor before = replicas.jacobians().clone();
  replicas.advance(0);
  const at::Tensor moved = replicas.jacobians() - before;
  EXPECT_GT(moved[0].abs().max().item<double>(), 1e-3);
  EXPECT_LT(distance(moved[0], -moved[1]), 1e-14);
}

TEST(QuadraticReplicas, DrawSymmetricCurvatureOfTheStatedVarianceOnAndOffTheDiagonal) {
  QuadraticSettings settings = small_settings(20, 30, 40, false);
  settings.curvature = {0.5, 1.5};
  const QuadraticProblem problem = make_quadratic_problem(settings, at::kCPU);
  const QuadraticReplicas replicas(problem, kKey, 0.1, 2);
  const at::Tensor& m = replicas.curvature();
  EXPECT_TRUE(at::equal(m, m.transpose(2, 3)));
  for (const std::int64_t mode : {0, 7, 19}) {
    const double ratio = (problem.sigma[mode] / problem.sigma[0]).item<double>();
    const double expected = 0.5 * std::pow(ratio, 1.5);
    const at::Tensor of_mode = m.select(1, mode);
    // 40 · 435 elements off the diagonal, 40 · 30 on it: a variance is right to √(2/n), here taken four times.
    const at::Tensor above = at::triu(of_mode, 1);
    EXPECT_NEAR(above.square().sum().item<double>() / (40 * 435) / expected, 1, 4 * std::sqrt(2.0 / (40 * 435)));
    const at::Tensor diagonal = of_mode.diagonal(0, 1, 2);
    EXPECT_NEAR(diagonal.square().mean().item<double>() / expected, 1, 4 * std::sqrt(2.0 / (40 * 30)));
  }
}

TEST(QuadraticReplicas, GoOnFromASavedStateWithTheSameBits) {
  const QuadraticProblem problem = make_quadratic_problem(small_settings(6, 8, 4), at::kCPU);
  QuadraticReplicas whole(problem, kKey, 0.05, 2), resumed(problem, kKey, 0.05, 2);
  for (int step = 0; step < 3; ++step) whole.advance(step);
  resumed.restore(whole.state());
  for (int step = 3; step < 6; ++step) {
    whole.advance(step);
    resumed.advance(step);
  }
  EXPECT_TRUE(at::equal(whole.residuals(), resumed.residuals()));
  EXPECT_TRUE(at::equal(whole.jacobians(), resumed.jacobians()));
}

TEST(QuadraticReplicas, RefuseAStateOfOtherSizes) {
  const QuadraticProblem problem = make_quadratic_problem(small_settings(6, 8, 4), at::kCPU);
  const QuadraticProblem other = make_quadratic_problem(small_settings(6, 8, 2), at::kCPU);
  QuadraticReplicas replicas(problem, kKey, 0.05, 2);
  EXPECT_THROW(replicas.restore(QuadraticReplicas(other, kKey, 0.05, 2).state()), InputError);
  EXPECT_THROW(replicas.restore({}), InputError);
}

TEST(QuadraticReplicas, AreNotFiniteOnceAStepOverflows) {
  const QuadraticProblem problem = make_quadratic_problem(small_settings(6, 8, 2), at::kCPU);
  QuadraticReplicas replicas(problem, kKey, 1e150, 2);
  EXPECT_TRUE(replicas.is_finite());
  for (int step = 0; step < 3; ++step) replicas.advance(step);
  EXPECT_FALSE(replicas.is_finite());
}

TEST(QuadraticProblem, HasTheSingularTriplesOfItsJacobianWithSignsThatLapackDoesNotChoose) {
  for (const auto& [examples, parameters] : {std::pair<std::int64_t, std::int64_t>{7, 12}, {12, 7}}) {
    const QuadraticProblem problem = make_quadratic_problem(small_settings(examples, parameters, 2), at::kCPU);
    const at::Tensor rebuilt = (problem.left * problem.sigma).mm(problem.right);
    EXPECT_LT(distance(rebuilt, problem.jacobian), 1e-13);
    EXPECT_GT(problem.left.gather(0, problem.left.abs().argmax(0, true)).min().item<double>(), 0);
    EXPECT_TRUE((problem.sigma.slice(0, 0, -1) >= problem.sigma.slice(0, 1)).all().item<bool>());
  }
}

}  // namespace
}  // namespace edgesweep
