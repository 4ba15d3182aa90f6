// Curvatures of mini-batches and of the gradient, against dense Hessians by autograd in float64.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/measurements/cases.hpp"
#include "tests/workers/models/networks.hpp"
#include "workers/measurements/monte_carlo.hpp"

namespace edgesweep {
namespace {

using namespace testing;

Case case_of(Loss loss) {
  Case test = small_case(loss == Loss::logistic ? 1 : 3);
  test.optimizer.loss = loss;
  if (loss == Loss::cross_entropy) {
    at::Tensor& y = test.data.train.targets;
    const at::Tensor classes = y.argmax(1, true);
    y = at::zeros_like(y).scatter_(1, classes, 1.0);
  }
  return test;
}

const std::vector<Loss> losses{Loss::mse, Loss::mse_sum, Loss::cross_entropy, Loss::logistic};

/// Mean over all 220 batches of 3 of the 12 examples.
double mean_over_batches(const Case& test, const std::function<double(const at::Tensor& x, const at::Tensor& y)>& of) {
  const at::Tensor x = test.data.train.inputs.to(at::kDouble), y = test.data.train.targets.to(at::kDouble);
  double sum = 0;
  int count = 0;
  for (std::int64_t i = 0; i < 12; ++i) {
    for (std::int64_t j = i + 1; j < 12; ++j) {
      for (std::int64_t k = j + 1; k < 12; ++k, ++count) {
        const at::Tensor rows = at::tensor(std::vector<std::int64_t>{i, j, k});
        sum += of(x.index_select(0, rows), y.index_select(0, rows));
      }
    }
  }
  EXPECT_EQ(count, 220);
  return sum / count;
}

double number(const at::Tensor& t) { return t.item<double>(); }

TEST(GradientCurvatures, OfAnMlpAreThoseOfItsGradientsAndHessians) {
  for (const Mlp::Settings& settings : small_networks()) {
    const Mlp mlp(settings);
    for (const Loss loss : losses) {
      const at::Tensor x = normal({12, 19}, 1);
      at::Tensor y = normal({12, settings.sizes.back()}, 2).sign();
      if (loss == Loss::cross_entropy) y = at::softmax(y, 1);
      const at::Tensor theta = parameters_of(mlp);
      const at::Tensor expected = mlp.Model::gradient_curvatures(theta, x, y, 4, loss);
      EXPECT_LT(relative_error(mlp.gradient_curvatures(theta, x, y, 4, loss), expected), 1e-11) << describe(settings);
    }
  }
}

TEST(BatchSharpness, IsTheMeanOverAllBatchesWithinFourStandardErrors) {
  for (const Loss loss : losses) {
    const Case test = case_of(loss);
    const auto out = measure(*make("batch_sharpness", {{"draws", 3000}, {"tolerance", 0}, {"precision", "float64"}}), test, 4);
    double curvature = 0, square = 0;
    const double exact = mean_over_batches(test, [&](const at::Tensor& x, const at::Tensor& y) {
      const at::Tensor g = dense_gradient(test, x, y);
      const double of_batch = number(g.dot(at::mv(dense_hessian(test, x, y), g)));
      curvature += of_batch;
      square += number(g.dot(g));
      return of_batch / number(g.dot(g));
    });
    EXPECT_NEAR(out[0], exact, 4 * out[1]);
    EXPECT_LT(out[1], 0.05 * std::abs(exact));
    EXPECT_EQ(out[2], 3000);
    EXPECT_NEAR(out[3], curvature / square, 0.1 * std::abs(curvature / square));
  }
}

TEST(BatchSharpness, OfTheFullBatchIsOneNumberWithoutError) {
  Case test = case_of(Loss::mse);
  test.batch = 12;
  const auto out = measure(*make("batch_sharpness", {{"precision", "float64"}}), test, 4);
  const at::Tensor x = test.data.train.inputs.to(at::kDouble), y = test.data.train.targets.to(at::kDouble);
  const at::Tensor g = dense_gradient(test, x, y);
  EXPECT_NEAR(out[0], number(g.dot(at::mv(dense_hessian(test, x, y), g)) / g.dot(g)), 1e-10 * std::abs(out[0]));
  EXPECT_EQ(out[1], 0);
  EXPECT_EQ(out[2], 1);
  EXPECT_NEAR(out[3], out[0], 1e-12 * std::abs(out[0]));
}

TEST(MinibatchSharpness, IsTheMeanOverAllBatchesWithinFourStandardErrorsAndAboveTheFullOne) {
  for (const Loss loss : losses) {
    const Case test = case_of(loss);
    const Json settings = {{"draws", 300}, {"tolerance", 0}, {"eigenvalue_tolerance", 1e-6}, {"precision", "float64"}};
    const auto out = measure(*make("minibatch_sharpness", settings), test, 3);
    const auto largest = [&](const at::Tensor& x, const at::Tensor& y) {
      return number(at::linalg_eigvalsh(dense_hessian(test, x, y)).max());
    };
    EXPECT_NEAR(out[0], mean_over_batches(test, largest), 4 * out[1]);
    EXPECT_EQ(out[2], 300);
    EXPECT_GE(out[0] + 4 * out[1], largest(test.data.train.inputs.to(at::kDouble), test.data.train.targets.to(at::kDouble)));
  }
}

TEST(GradientNoiseInteraction, AndStepSharpnessAreMeansOverAllBatchesWithinFourStandardErrors) {
  for (const Loss loss : losses) {
    const Case test = case_of(loss);
    const auto out = measure(*make("gni", {{"draws", 2000}, {"tolerance", 0}, {"precision", "float64"}}), test, 5);
    const at::Tensor x = test.data.train.inputs.to(at::kDouble), y = test.data.train.targets.to(at::kDouble);
    const at::Tensor h = dense_hessian(test, x, y), full = dense_gradient(test, x, y);
    const auto curvature = [&](const at::Tensor& bx, const at::Tensor& by) {
      const at::Tensor g = dense_gradient(test, bx, by);
      return number(g.dot(at::mv(h, g)) / full.dot(full));
    };
    const auto along_step = [&](const at::Tensor& bx, const at::Tensor& by) {
      const at::Tensor g = dense_gradient(test, bx, by);
      return number(g.dot(at::mv(h, g)) / g.dot(g));
    };
    EXPECT_NEAR(out[0], mean_over_batches(test, curvature), 4 * out[1]);
    EXPECT_NEAR(out[3], mean_over_batches(test, along_step), 4 * out[4]);
  }
}

TEST(HessianMeasurement, TellsHowTheGradientLiesInItsSpectrum) {
  const Case test = case_of(Loss::mse);
  const Json settings = {{"top", 2}, {"tolerance", 1e-8}, {"alignment", true}, {"precision", "float64"}, {"examples", 10}};
  const auto out = measure(*make("hessian", settings), test, 7);
  const at::Tensor x = test.data.train.inputs.narrow(0, 0, 10).to(at::kDouble);
  const at::Tensor y = test.data.train.targets.narrow(0, 0, 10).to(at::kDouble);
  const at::Tensor h = dense_hessian(test, x, y), g = dense_gradient(test, x, y);
  const auto [values, vectors] = at::linalg_eigh(h);
  EXPECT_NEAR(out[0], number(values[-1]), 1e-6 * out[0]);
  EXPECT_NEAR(out[3], number(g.dot(at::mv(h, g)) / g.dot(g)), 1e-10);
  EXPECT_NEAR(out[4], number(at::mv(vectors.narrow(1, vectors.size(1) - 2, 2).t(), g).square().sum() / g.dot(g)), 1e-5);
}

TEST(KernelTrace, AndItsBoundsOfKAgreeWithADenseJacobian) {
  for (const Loss loss : losses) {
    Case test = case_of(loss);
    test.optimizer.momentum = 0.5;
    const auto out = measure(*make("kernel_trace", {{"precision", "float64"}}), test, 4);
    const at::Tensor f = test.model->forward(test.theta.to(at::kDouble), test.data.train.inputs.to(at::kDouble));
    const at::Tensor y = test.data.train.targets.to(at::kDouble);
    const std::int64_t outputs = f.size(1);
    const at::Tensor j = numeric_jacobian(test).view({12, outputs, -1});
    double trace = 0, weighted = 0, squares = 0;
    for (std::int64_t i = 0; i < 12; ++i) {
      at::Tensor curvature = at::eye(outputs, at::kDouble);
      if (loss == Loss::mse_sum) curvature.mul_(2);
      if (loss == Loss::cross_entropy) {
        const at::Tensor p = at::softmax(f[i], 0);
        curvature = at::diag(p) - at::outer(p, p);
      }
      if (loss == Loss::logistic) {
        const at::Tensor p = at::sigmoid(f[i]);
        curvature = at::diag(p * (1 - p));
      }
      const at::Tensor gauss_newton = at::mm(j[i].t(), at::mm(curvature, j[i]));
      trace += number(j[i].square().sum());
      weighted += number(gauss_newton.trace());
      squares += number(gauss_newton.square().sum());
    }
    const double noise = (12.0 - 3) / (3 * 11.0) * 0.2 / (2 * (1 - 0.5));
    EXPECT_NEAR(out[0], trace / 12, 1e-8 * trace);
    EXPECT_NEAR(out[1], weighted / 12, 1e-8 * weighted);
    EXPECT_NEAR(out[2], noise * weighted / 12 / (is_squared(loss) ? static_cast<double>(outputs) : 1), 1e-8 * out[2]);
    EXPECT_NEAR(out[3], noise * squares / weighted, 1e-8 * out[3]);
  }
}

TEST(KernelTrace, HasTheTraceKtrAndKblockOfTheKernelNorm) {
  for (const Loss loss : {Loss::mse, Loss::mse_sum}) {
    Case test = case_of(loss);
    test.optimizer.momentum = 0.5;
    const auto cheap = measure(*make("kernel_trace", {{"precision", "float64"}}), test, 4);
    const auto whole = measure(*make("kernel_norm", Json::object()), test, 6);
    EXPECT_NEAR(cheap[0], whole[5], 1e-10 * whole[5]);
    EXPECT_NEAR(cheap[2], whole[3], 1e-10 * whole[3]);
    EXPECT_NEAR(cheap[3], whole[1], 1e-10 * whole[1]);
  }
}

TEST(GaussNewtonMeasurement, AgreesWithADenseJacobian) {
  for (const Loss loss : losses) {
    const Case test = case_of(loss);
    const Json settings = {{"tolerance", 1e-8}, {"trace_probes", 400}, {"precision", "float64"}};
    const auto out = measure(*make("gauss_newton", settings), test, 3);
    const at::Tensor f = test.model->forward(test.theta.to(at::kDouble), test.data.train.inputs.to(at::kDouble));
    const at::Tensor y = test.data.train.targets.to(at::kDouble), j = numeric_jacobian(test);
    at::Tensor curved = at::zeros_like(j);
    for (std::int64_t p = 0; p < j.size(1); ++p) {
      curved.select(1, p).copy_(loss_curvature(loss, f, y, j.select(1, p).view_as(f)).flatten());
    }
    const at::Tensor matrix = at::mm(j.t(), curved);
    EXPECT_NEAR(out[0], number(at::linalg_eigvalsh((matrix + matrix.t()) / 2).max()), 1e-6 * out[0]);
    EXPECT_NEAR(out[2], number(matrix.trace()), 0.2 * number(matrix.trace()));
  }
}

TEST(Distance, IsFromTheFirstRecordAlsoAfterARestart) {
  Case test = case_of(Loss::mse);
  const auto first = make("distance", Json::object());
  EXPECT_EQ(measure(*first, test, 3)[2], 0);
  const auto second = make("distance", Json::object());
  second->restore(first->state());
  test.theta = test.theta + 0.5;
  const auto out = measure(*second, test, 3);
  const at::Tensor x = test.data.train.inputs.to(at::kDouble), y = test.data.train.targets.to(at::kDouble);
  EXPECT_NEAR(out[0], number(dense_gradient(test, x, y).norm()), 1e-5 * out[0]);
  EXPECT_NEAR(out[1], number(test.theta.to(at::kDouble).norm()), 1e-12);
  EXPECT_NEAR(out[2], 0.5 * std::sqrt(static_cast<double>(test.theta.size(0))), 1e-6);
}

TEST(BatchDraws, AreTheSameOnEveryRunAndOthersAtEveryStep) {
  Case test = case_of(Loss::mse);
  const auto measurement = make("batch_sharpness", Json::object());
  const auto first = measure(*measurement, test, 4);
  EXPECT_EQ(measure(*make("batch_sharpness", Json::object()), test, 4), first);
  test.step = 1;
  EXPECT_NE(measure(*measurement, test, 4)[0], first[0]);
}

TEST(BatchDraws, StopWhenTheStandardErrorIsSmallEnough) {
  const Case test = case_of(Loss::mse);
  const auto out = measure(*make("batch_sharpness", {{"tolerance", 0.1}, {"draws", 100000}}), test, 4);
  EXPECT_LE(out[1], 0.1 * out[0]);
  EXPECT_GE(out[2], 20);
  EXPECT_LT(out[2], 10000);
  EXPECT_THROW(canonical("batch_sharpness", {{"draws", 1}}), InputError);
  EXPECT_THROW(canonical("batch_sharpness", {{"draws", 10}, {"min_draws", 11}}), InputError);
}

TEST(RunningMean, HasTheMeanAndItsStandardError) {
  RunningMean mean;
  EXPECT_TRUE(std::isnan(mean.standard_error()));
  for (const double value : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) mean.add(value);
  EXPECT_DOUBLE_EQ(mean.mean(), 1e9 + 10);
  EXPECT_NEAR(mean.standard_error(), std::sqrt(30.0 / 4), 1e-6);
}

}  // namespace
}  // namespace edgesweep
