#include "workers/theory/quadratic_record.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/theory/quadratic_problems.hpp"
#include "workers/linalg/kernel_norm.hpp"
#include "workers/theory/quadratic_theory.hpp"

namespace edgesweep {
namespace {

using testing::small_settings;

constexpr double kLossAbove = 1e3;

Json everything(std::int64_t top) {
  return {{"loss", Json::object()}, {"derivatives", {{"top", top}}}, {"eigenvalues", {{"top", top}, {"replicas", 4}}},
          {"kernel_norm", {{"replicas", 4}}}};
}

/// A record by column name.
class Record {
 public:
  Record(Json measure, std::vector<double> values) : columns_(quadratic_columns(measure)), values_(std::move(values)) {}
  std::vector<double> operator[](const std::string& name) const {
    std::size_t first = 0;
    for (const Column& column : columns_) {
      const auto width = static_cast<std::size_t>(column.width);
      if (column.name == name) return {values_.begin() + first, values_.begin() + first + width};
      first += width;
    }
    ADD_FAILURE() << "no column " << name;
    return {};
  }

 private:
  std::vector<Column> columns_;
  std::vector<double> values_;
};

Record take(const QuadraticRecord& record, const QuadraticReplicas& replicas, const Json& measure) {
  std::size_t width = 0;
  for (const Column& column : quadratic_columns(measure)) width += static_cast<std::size_t>(column.width);
  std::vector<double> values(width, -77);
  record.fill(replicas, values);
  EXPECT_EQ(std::count(values.begin(), values.end(), -77), 0) << "a column was not filled";
  return {measure, std::move(values)};
}

TEST(QuadraticRecord, HoldsTheDifferencesOfTheReplicasOwnTrajectories) {
  const QuadraticSettings settings = small_settings(6, 9, 6);
  const QuadraticProblem problem = make_quadratic_problem(settings, at::kCPU);
  const Json measure = everything(3);
  QuadraticReplicas replicas(problem, 5, 0.05, 2);
  QuadraticRecord record(problem, measure, kLossAbove, 0.05, 2);
  record.start(replicas);
  std::vector<at::Tensor> lambda, sigma;  // [R, 3] at each step
  for (int step = 0;; ++step) {
    at::Tensor l = at::empty({6, 3}, at::kDouble), s = at::empty({6, 3}, at::kDouble);
    for (std::int64_t r = 0; r < 6; ++r) {
      const at::Tensor j = problem.left.mm(replicas.jacobians()[r]);  // J itself
      for (std::int64_t mode = 0; mode < 3; ++mode) {
        const at::Tensor row = problem.left.select(1, mode).matmul(j);
        l[r][mode] = row.dot(row) / 6.0;
        s[r][mode] = row.dot(problem.right[mode]);
      }
    }
    lambda.push_back(l);
    sigma.push_back(s);
    const Record values = take(record, replicas, measure);
    for (const auto& [name, f] : {std::pair{std::string("lambda_hat"), lambda}, {std::string("sigma_hat"), sigma}}) {
      for (std::int64_t mode = 0; mode < 3; ++mode) {
        const auto m = static_cast<std::size_t>(mode);
        const auto of = [&](int t) { return f[static_cast<std::size_t>(t)].select(1, mode); };
        EXPECT_NEAR(values[name][m], of(step).mean().item<double>(), 1e-12);
        if (step >= 1) {
          EXPECT_NEAR(values[name + "_d1"][m], (of(step) - of(step - 1)).mean().item<double>(), 1e-12);
        } else {
          EXPECT_TRUE(std::isnan(values[name + "_d1"][m]));
        }
        if (step >= 2) {
          const at::Tensor d2 = of(step) - 2 * of(step - 1) + of(step - 2);
          EXPECT_NEAR(values[name + "_d2"][m], d2.mean().item<double>(), 1e-12);
          const at::Tensor pairs = d2.view({3, 2}).mean(1);
          EXPECT_NEAR(values[name + "_d2_sem"][m], pairs.std().item<double>() / std::sqrt(3.0), 1e-12);
        } else {
          EXPECT_TRUE(std::isnan(values[name + "_d2"][m]));
        }
      }
    }
    if (step == 3) break;
    replicas.advance(step);
    record.observe(replicas);
  }
}

TEST(QuadraticRecord, HasLossEigenvaluesAndKernelNormsOfTheFullNtk) {
  for (const auto& [examples, parameters] : {std::pair<std::int64_t, std::int64_t>{6, 9}, {9, 6}}) {
    const QuadraticProblem problem = make_quadratic_problem(small_settings(examples, parameters, 4), at::kCPU);
    const Json measure = everything(4);
    const double eta = 0.05;
    QuadraticReplicas replicas(problem, 5, eta, 2);
    QuadraticRecord record(problem, measure, kLossAbove, eta, 2);
    record.start(replicas);
    for (int step = 0; step < 3; ++step) {
      replicas.advance(step);
      record.observe(replicas);
    }
    const Record values = take(record, replicas, measure);
    double loss = 0, k = 0, k_hd = 0, k_tr = 0, k_block = 0, trace = 0, lambda = 0;
    std::vector<double> top(4);
    for (std::int64_t r = 0; r < 4; ++r) {
      const at::Tensor j = problem.left.mm(replicas.jacobians()[r]);
      const at::Tensor ntk = j.mm(j.t()) / static_cast<double>(examples);
      const KernelNorms norms = kernel_norms(ntk.clone(), {eta, 2, 0, 0, 1});
      k += norms.K / 4, k_hd += norms.K_hd / 4, k_tr += norms.K_tr / 4, k_block += norms.K_block / 4;
      trace += ntk.trace().item<double>() / 4;
      const at::Tensor eigenvalues = at::linalg_eigvalsh(ntk).flip(0);
      lambda += eigenvalues[0].item<double>() / 4;
      for (std::int64_t i = 0; i < 4; ++i) top[static_cast<std::size_t>(i)] += eigenvalues[i].item<double>() / 4;
      loss += replicas.residuals()[r].square().sum().item<double>() / (8.0 * static_cast<double>(examples));
    }
    EXPECT_NEAR(values["train_loss"][0], loss, 1e-12);
    EXPECT_NEAR(values["K"][0], k, 1e-9);  // K is right to 1e-10 relative
    EXPECT_NEAR(values["K_hd"][0], k_hd, 1e-12);
    EXPECT_NEAR(values["K_tr"][0], k_tr, 1e-12);
    EXPECT_NEAR(values["K_block"][0], k_block, 1e-12);
    EXPECT_NEAR(values["ntk_trace"][0], trace, 1e-12);
    EXPECT_NEAR(values["ntk_lambda_max"][0], lambda, 1e-12);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(values["ntk_eigenvalues"][i], top[i], 1e-12);
  }
}

TEST(QuadraticRecord, HasStandardErrorsOverPairsAndNoneOfASingleOne) {
  const QuadraticSettings settings = small_settings(4, 6, 4);
  const ReplicaAverage average = average_over_replicas(at::tensor({1.0, 3.0, 4.0, 8.0}, at::kDouble), settings);
  EXPECT_DOUBLE_EQ(average.mean.item<double>(), 4);  // pairs 2 and 6
  EXPECT_DOUBLE_EQ(average.error.item<double>(), 2);
  const ReplicaAverage single = average_over_replicas(at::tensor({1.0, 3.0}, at::kDouble), small_settings(4, 6, 2));
  EXPECT_DOUBLE_EQ(single.mean.item<double>(), 2);
  EXPECT_TRUE(std::isnan(single.error.item<double>()));
}

TEST(QuadraticRecord, GoesOnFromASavedStateWithTheSameDifferences) {
  const QuadraticProblem problem = make_quadratic_problem(small_settings(5, 7, 4), at::kCPU);
  const Json measure = everything(2);
  QuadraticReplicas replicas(problem, 9, 0.05, 2);
  QuadraticRecord whole(problem, measure, kLossAbove, 0.05, 2), resumed(problem, measure, kLossAbove, 0.05, 2);
  whole.start(replicas);
  for (int step = 0; step < 3; ++step) {
    replicas.advance(step);
    whole.observe(replicas);
  }
  resumed.restore(whole.state());
  replicas.advance(3);
  whole.observe(replicas);
  resumed.observe(replicas);
  EXPECT_EQ(take(whole, replicas, measure)["sigma_hat_d2"], take(resumed, replicas, measure)["sigma_hat_d2"]);
  EXPECT_THROW(resumed.restore({}), InputError);
}

/// Means and squared errors of d1 of λ̂ and d2 of σ̂ over many independent sets of replicas.
struct Seen {
  std::vector<double> lambda_d1, sigma_d2, lambda_error, sigma_error;
};

Seen simulate(const QuadraticProblem& problem, double eta, std::int64_t batch, int sets) {
  const Json measure = {{"derivatives", {{"top", 2}}}};
  Seen seen{{0, 0}, {0, 0}, {0, 0}, {0, 0}};
  for (int set = 0; set < sets; ++set) {
    QuadraticReplicas replicas(problem, static_cast<std::uint64_t>(set), eta, batch);
    QuadraticRecord record(problem, measure, kLossAbove, eta, batch);
    record.start(replicas);
    replicas.advance(0);
    record.observe(replicas);
    const Record first = take(record, replicas, measure);
    replicas.advance(1);
    record.observe(replicas);
    const Record second = take(record, replicas, measure);
    for (std::size_t mode = 0; mode < 2; ++mode) {
      seen.lambda_d1[mode] += first["lambda_hat_d1"][mode] / sets;
      seen.sigma_d2[mode] += second["sigma_hat_d2"][mode] / sets;
      seen.lambda_error[mode] += std::pow(first["lambda_hat_d1_sem"][mode] / sets, 2);
      seen.sigma_error[mode] += std::pow(second["sigma_hat_d2_sem"][mode] / sets, 2);
    }
  }
  return seen;
}

void expect_theory(const std::string& sampler, std::int64_t batch) {
  QuadraticSettings settings = small_settings(12, 18, 800);
  settings.sampler = sampler;
  const QuadraticProblem problem = make_quadratic_problem(settings, at::kCPU);
  const double eta = 0.1;
  const DerivativeTheory theory = derivative_theory(problem, eta, batch, 2);
  const Seen seen = simulate(problem, eta, batch, 5);
  for (std::size_t mode = 0; mode < 2; ++mode) {
    const auto m = static_cast<std::int64_t>(mode);
    // Seeded: 3 standard errors, of 2000 pairs, are no chance to fail but the size of what could be missed.
    const double lambda = theory.lambda_d1[m].item<double>(), sigma = theory.sigma_d2_exact[m].item<double>();
    EXPECT_NEAR(seen.lambda_d1[mode], lambda, 3 * std::sqrt(seen.lambda_error[mode])) << sampler << " B " << batch;
    EXPECT_LT(std::sqrt(seen.lambda_error[mode]), 0.04 * lambda);
    EXPECT_NEAR(seen.sigma_d2[mode], sigma, 3 * std::sqrt(seen.sigma_error[mode])) << sampler << " B " << batch;
  }
}

TEST(DerivativeTheory, AgreesWithSimulationForIndependentBatches) {
  for (const std::int64_t batch : {1, 3, 12}) expect_theory("iid", batch);
}

TEST(DerivativeTheory, AgreesWithSimulationForBatchesOfOneEpoch) {
  for (const std::int64_t batch : {1, 4, 12}) expect_theory("epoch", batch);
}

TEST(DerivativeTheory, IsExactWhereTheLeadingOrderIsFarOff) {
  // Two parameters: what is left out at leading order is as large as what is kept.
  for (const auto& [sampler, batch] : {std::pair<std::string, std::int64_t>{"iid", 1}, {"iid", 3}, {"epoch", 1}}) {
    QuadraticSettings settings = small_settings(3, 2, 20000);
    settings.replicas_per_curvature = 4;
    settings.sampler = sampler;
    const QuadraticProblem problem = make_quadratic_problem(settings, at::kCPU);
    const double eta = 0.4;
    const DerivativeTheory theory = derivative_theory(problem, eta, batch, 2);
    const Seen seen = simulate(problem, eta, batch, 20);
    for (std::size_t mode = 0; mode < 2; ++mode) {
      const auto m = static_cast<std::int64_t>(mode);
      EXPECT_NEAR(seen.sigma_d2[mode], theory.sigma_d2_exact[m].item<double>(), 3 * std::sqrt(seen.sigma_error[mode]))
          << sampler << " B " << batch << " mode " << mode;
      EXPECT_NEAR(seen.lambda_d1[mode], theory.lambda_d1[m].item<double>(), 3 * std::sqrt(seen.lambda_error[mode]));
    }
    EXPECT_GT(std::abs(seen.sigma_d2[0] - theory.sigma_d2[0].item<double>()), 5 * std::sqrt(seen.sigma_error[0]))
        << sampler << " B " << batch;
  }
}

TEST(DerivativeTheory, IsThePapersToLeadingOrderAndTurnsNegativeForSmallBatches) {
  const QuadraticProblem problem = make_quadratic_problem(small_settings(20, 400, 2), at::kCPU);
  const double sigma = problem.sigma[0].item<double>(), eta = 0.02;
  const double trace = problem.jacobian.square().sum().item<double>() / 20;
  for (const std::int64_t batch : {1, 5, 20}) {
    const DerivativeTheory theory = derivative_theory(problem, eta, batch, 1);
    const auto b = static_cast<double>(batch);
    const double common = eta * eta * 400 * 0.02 * 1.5;  // η² P V V_z
    EXPECT_NEAR(theory.lambda_d1[0].item<double>(), common * trace / (20 * b), 1e-14);
    const double sharpening = 1 - eta * sigma * sigma / b;
    EXPECT_NEAR(theory.sigma_d2[0].item<double>(), common * sigma / 400 * sharpening, 1e-13);
    // What the leading order leaves out is (ησ²/B)(1 − …)/P at most.
    EXPECT_NEAR(theory.sigma_d2_exact[0].item<double>(), theory.sigma_d2[0].item<double>(),
                common * sigma / 400 * eta * sigma * sigma / b / 400);
    EXPECT_EQ(theory.sigma_d2_exact[0].item<double>() < 0, batch < 20) << "B " << batch;
  }
}

}  // namespace
}  // namespace edgesweep
