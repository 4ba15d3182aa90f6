// Each measurement on a small MLP against dense matrices that autograd-free formulas or finite differences give.
#include "workers/measurements/measurement.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/measurements/cases.hpp"
#include "workers/data/selection.hpp"
#include "workers/linalg/kernel_norm.hpp"

namespace edgesweep {
namespace {

using namespace testing;

TEST(LossMeasurement, IsHalfTheMeanSquareAndCountsWrongSigns) {
  const Case test = small_case(1);
  const std::vector<double> out = measure(*make("loss", Json::object()), test, 4);
  const at::Tensor f = test.model->forward(test.theta.to(at::kDouble), test.data.train.inputs.to(at::kDouble));
  const at::Tensor y = test.data.train.targets.to(at::kDouble);
  EXPECT_NEAR(out[0], (f - y).square().mean().item<double>() / 2, 1e-14);
  EXPECT_DOUBLE_EQ(out[1], (f.sign() != y).to(at::kDouble).mean().item<double>());
  EXPECT_GT(out[2], 0);
  EXPECT_LE(out[3], 1);
}

TEST(LossMeasurement, SumsOverOutputsAndComparesTheLargest) {
  const Case test = small_case(3);
  const std::vector<double> out = measure(*make("loss", Json::object()), test, 4);
  const at::Tensor f = test.model->forward(test.theta.to(at::kDouble), test.data.test.inputs.to(at::kDouble));
  const at::Tensor y = test.data.test.targets.to(at::kDouble);
  EXPECT_NEAR(out[2], (f - y).square().sum(1).mean().item<double>() / 2, 1e-14);
  EXPECT_DOUBLE_EQ(out[3], (f.argmax(1) != y.argmax(1)).to(at::kDouble).mean().item<double>());
}

TEST(LossMeasurement, OfNoTestExamplesIsNaN) {
  const std::vector<double> out = measure(*make("loss", Json::object()), small_case(1, 0), 4);
  EXPECT_TRUE(std::isfinite(out[0]));
  EXPECT_TRUE(std::isnan(out[2]));
  EXPECT_TRUE(std::isnan(out[3]));
}

TEST(KernelNormMeasurement, AgreesWithANumericJacobian) {
  const Case test = small_case(1);
  const std::vector<double> out = measure(*make("kernel_norm", Json::object()), test, 6);
  const at::Tensor jacobian = numeric_jacobian(test);
  const double examples = 12, batch = 3, eta = 0.2;
  const at::Tensor ntk = at::mm(jacobian, jacobian.t()) / examples;
  // (I − A)⁻¹ N of equation (9) from its definition, by a dense solver that knows no symmetry.
  const double kappa = (examples - batch) / (batch * (examples - 1));
  const auto [lambda, vectors] = at::linalg_eigh(ntk);
  const at::Tensor squares = vectors.square();
  const at::Tensor noise = kappa * examples * eta * eta * lambda.unsqueeze(1) * at::mm(squares.t(), squares) * lambda;
  const at::Tensor damping = 2 * eta * lambda - (1 - kappa) * eta * eta * lambda.square();
  const double K = at::linalg_eigvals(noise / damping.unsqueeze(1)).abs().max().item<double>();
  EXPECT_NEAR(out[0], K, 1e-8 * K);
  EXPECT_NEAR(out[4], lambda[-1].item<double>(), 1e-8);
  EXPECT_NEAR(out[5], ntk.trace().item<double>(), 1e-8);
  EXPECT_NEAR(out[3], kappa * eta / 2 * out[5], 1e-14);
}

TEST(KernelNormMeasurement, InFloat32AgreesWithFloat64) {
  const Case test = small_case(3);
  const std::vector<double> wide = measure(*make("kernel_norm", Json::object()), test, 6);
  const std::vector<double> narrow = measure(*make("kernel_norm", {{"precision", "float32"}}), test, 6);
  for (std::size_t i = 0; i < wide.size(); ++i) EXPECT_NEAR(narrow[i], wide[i], 1e-4 * wide[i]);
}

TEST(KernelNormMeasurement, HasTheFullNormBehindKWhenAskedAndNothingElseChanges) {
  EXPECT_EQ(canonical("kernel_norm", Json::object()), Json({{"precision", "float64"}, {"full", false}}));
  const Json full = canonical("kernel_norm", {{"full", true}});
  std::vector<std::string> names;
  for (const Column& column : measurement_family("kernel_norm").columns(full, experiment_of(12))) names.push_back(column.name);
  EXPECT_EQ(names, (std::vector<std::string>{"K", "K_full", "K_block", "K_hd", "K_tr", "ntk_lambda_max", "ntk_trace"}));
  for (const std::int64_t outputs : {1, 3}) {
    Case test = small_case(outputs);
    test.optimizer = {0.9, 0.1};
    const std::vector<double> plain = measure(*make("kernel_norm", Json::object()), test, 6);
    std::vector<double> found = measure(*make("kernel_norm", {{"full", true}}), test, 7);
    const at::Tensor jacobian = numeric_jacobian(test);
    const KernelNormSettings sgd{0.2, 3, 0.9, 0.1, outputs};
    const double wanted = kernel_norms(at::mm(jacobian, jacobian.t()) / 12, sgd, true).K_full.value();
    EXPECT_NEAR(found[1], wanted, 1e-8 * wanted);
    found.erase(found.begin() + 1);
    EXPECT_EQ(found, plain);
  }
}

TEST(KernelNormMeasurement, WithTheFullNormIsPredictedToCostMore) {
  const MeasurementFamily& family = measurement_family("kernel_norm");
  const double plain = family.predicted_seconds(canonical("kernel_norm", Json::object()), 2500, 1, 1e6);
  const double full = family.predicted_seconds(canonical("kernel_norm", {{"full", true}}), 2500, 1, 1e6);
  EXPECT_GT(full, 3 * plain);
}

TEST(KernelNormMeasurement, OfAPartOfTheExamplesKeepsTheTrialsNoise) {
  EXPECT_EQ(canonical("kernel_norm", {{"examples", 5}}).at("examples"), 5);
  const Json chosen = {{"count", 5}, {"seed", 2}};
  for (const std::int64_t outputs : {1, 3}) {
    Case test = small_case(outputs);
    test.batch = 7;  // more than the part has: batches are of all twelve examples
    test.optimizer = {0.5, 0.01};
    const at::Tensor jacobian = numeric_jacobian(test).view({12, outputs, -1});
    for (const Json& part : {Json(5), chosen}) {
      const std::vector<double> out = measure(*make("kernel_norm", {{"examples", part}, {"full", true}}), test, 7);
      const at::Tensor j = jacobian.index_select(0, at::tensor(selected_rows(part, 12), at::kLong)).flatten(0, 1);
      // From its definition: κ of B = 7 out of 12, means over the 5 examples in place of those over 12.
      const auto [lambda, v] = at::linalg_eigh(at::mm(j, j.t()) / 5);
      const double kappa = (12.0 - 7) / (7 * 11.0), eta = 0.2, momentum = 0.5, l2 = 0.01;
      const at::Tensor decayed = lambda + l2;
      const at::Tensor undamped = (1 + momentum) / (1 - momentum) * eta * lambda.square() /
                                  (decayed * (2 * (1 + momentum) - eta * decayed));
      const at::Tensor m = undamped / (1 + kappa * undamped);
      const at::Tensor rows = v.view({5, outputs, -1});
      const at::Tensor overlaps = at::einsum("ica,icb->iab", {rows, rows}).square().sum(0);
      const at::Tensor root = m.clamp_min(0).sqrt();
      const double K = kappa * 5 * at::linalg_eigvalsh(root.unsqueeze(1) * overlaps * root).max().item<double>();
      EXPECT_NEAR(out[0], K, 1e-7 * K) << part;
      EXPECT_GE(out[1], out[0] * (1 - 1e-9));
      EXPECT_NEAR(out[4], kappa * eta / (2 * (1 - momentum)) * out[6] / static_cast<double>(outputs), 1e-12);
      EXPECT_NEAR(out[6], j.square().sum().item<double>() / 5, 1e-8 * out[6]);
    }
  }
}

TEST(KernelNormMeasurement, OfAPartHasOnAverageTheTraceOfAll) {
  // K_tr and the trace are means over examples: over all subsets their means are those of the whole set.
  const Case test = small_case(2);
  const std::vector<double> whole = measure(*make("kernel_norm", Json::object()), test, 6);
  double trace = 0;
  for (std::int64_t i = 0; i < 12; ++i) {
    Case rolled = small_case(2);
    rolled.data.train.inputs = test.data.train.inputs.roll(i, 0);
    const std::vector<double> part = measure(*make("kernel_norm", {{"examples", 5}}), rolled, 6);
    trace += part[3] / 12;
  }
  EXPECT_NEAR(trace, whole[3], 1e-10 * whole[3]);
}

TEST(HessianMeasurement, AgreesWithADenseHessian) {
  const Case test = small_case(2);
  const Json settings = {{"top", 3}, {"tolerance", 1e-7}, {"trace_probes", 1}, {"precision", "float64"}};
  const std::vector<double> out = measure(*make("hessian", settings), test, 7);
  const at::Tensor dense = at::linalg_eigvalsh(numeric_hessian(test)).flip(0);
  EXPECT_NEAR(out[0], dense[0].item<double>(), 1e-6 * out[0]);
  EXPECT_LE(out[1], 1e-3 * out[0]);
  EXPECT_GE(out[2], 3);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_NEAR(out[static_cast<std::size_t>(4 + i)], dense[i].item<double>(), 1e-6);
}

TEST(HessianMeasurement, TraceHasTheMeanOfTheDenseHessian) {
  const Case test = small_case(1);
  const std::vector<double> out =
      measure(*make("hessian", {{"trace_probes", 400}, {"precision", "float64"}}), test, 4);
  const at::Tensor dense = numeric_hessian(test);
  const at::Tensor off_diagonal = dense - at::diag(dense.diagonal());
  const double standard_error = std::sqrt(2 * off_diagonal.square().sum().item<double>() / 400);
  EXPECT_NEAR(out[3], dense.trace().item<double>(), 4 * standard_error);
}

TEST(HessianMeasurement, StartsWarmAndGoesOnFromItsStateWithTheSameBits) {
  Case test = small_case(1);
  const auto first = make("hessian", Json::object());
  const std::vector<double> cold = measure(*first, test, 3);
  const auto second = make("hessian", Json::object());
  second->restore(first->state());
  test.theta = test.theta + 0.001 * at::ones_like(test.theta);
  const std::vector<double> warm = measure(*first, test, 3);
  EXPECT_EQ(measure(*second, test, 3), warm);
  EXPECT_LT(warm[2], cold[2]);
  EXPECT_LE(warm[2], 8);
}

TEST(HessianMeasurement, OfParametersThatAreNotFiniteIsNaN) {
  Case test = small_case(1);
  test.theta = at::full_like(test.theta, std::nan(""));
  EXPECT_TRUE(std::isnan(measure(*make("hessian", Json::object()), test, 3)[0]));
}

TEST(Measurements, RefuseImpossibleSettings) {
  EXPECT_THROW(canonical("hessian", {{"top", 0}}), InputError);
  EXPECT_THROW(canonical("hessian", {{"tolerance", 0}}), InputError);
  EXPECT_THROW(canonical("hessian", {{"top", 5}, {"max_matvecs", 5}}), InputError);
  EXPECT_THROW(canonical("kernel_norm", {{"precision", "float16"}}), InputError);
  EXPECT_THROW(canonical("kernel_norm", {{"precison", "float32"}}), InputError);
  EXPECT_THROW(canonical("kernel_norm", {{"full", 1}}), InputError);
  EXPECT_THROW(canonical("loss", {{"every", 2}}), InputError);
  EXPECT_NO_THROW(canonical("kernel_norm", Json::object(), 32766));
  EXPECT_THROW(canonical("kernel_norm", Json::object(), 32767), InputError);
  EXPECT_NO_THROW(canonical("kernel_norm", {{"examples", 1000}}, 60000));
  EXPECT_THROW(canonical("kernel_norm", {{"examples", 40000}}, 60000), InputError);
  EXPECT_THROW(canonical("kernel_norm", {{"examples", 101}}, 100), InputError);
  EXPECT_THROW(canonical("kernel_norm", {{"examples", {{"count", 10}, {"sed", 1}}}}), InputError);
}

TEST(Measurements, FillTheColumnsTheyDeclare) {
  const auto columns = measurement_family("hessian").columns(canonical("hessian", {{"top", 4}, {"trace_probes", 2}}), Json::object());
  ASSERT_EQ(columns.size(), 5u);
  EXPECT_EQ(columns[3].name, "hessian_trace");
  EXPECT_EQ(columns[4].width, 4);
  EXPECT_EQ(columns[4].dimension, "hessian_eigenvalue");
}

}  // namespace
}  // namespace edgesweep
