// Kernel traces by random signs against exact kernels: within four standard errors, and the standard errors against their
// exact values.
#include "workers/measurements/kernel_signs.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/measurements/cases.hpp"
#include "tests/workers/models/any_model.hpp"

namespace edgesweep {
namespace {

using namespace testing;

struct Problem {
  Small small;
  std::unique_ptr<Model> model;
  at::Tensor theta;
  TrainTest data;
  SgdOptions optimizer;

  MeasurementContext context() const { return {*model, theta, data, 0, 0.2, 3, optimizer, 42}; }
};

Problem problem(const Small& small, Loss loss, std::int64_t examples = 12) {
  Problem result{small, make_model(small), {}, {}, {}};
  result.theta = random_parameters(*result.model, 3).to(at::kFloat);
  result.data.train = {random_inputs(small, examples, 1).to(at::kFloat),
                       random_targets(loss, examples, small.outputs, 2).to(at::kFloat), {}};
  result.optimizer.loss = loss;
  return result;
}

std::vector<double> measured(const Problem& p, const Json& settings, std::size_t columns) {
  std::vector<double> out(columns, -1);
  make("kernel_trace", settings)->measure(p.context(), out);
  return out;
}

const std::vector<Small> models{
    {R"({"name": "mlp", "hidden": [7], "activation": "tanh"})", {5}, 3},
    {R"({"name": "mlp", "hidden": [7], "activation": "tanh"})", {5}, 1},
    {R"({"name": "cnn", "activation": "tanh"})", {1, 8, 8}, 3},
    {R"({"name": "vit", "patch": 2, "width": 6, "blocks": 2, "heads": 2, "mlp_hidden": 8, "init": "xavier"})", {2, 4, 4}, 3},
    {R"({"name": "resnet", "depth": 8, "norm": "layer", "activation": "gelu"})", {2, 5, 5}, 3}};

TEST(ProjectedKernels, AreInnerProductsOfJacobiansAlongDirections) {
  for (const Small& small : models) {
    const Problem p = problem(small, Loss::mse, 6);
    const at::Tensor theta = p.theta.to(at::kDouble), x = p.data.train.inputs.to(at::kDouble);
    at::manual_seed(5);
    const at::Tensor u = at::randn({6, 2, small.outputs}, at::kDouble);
    const at::Tensor k = p.model->Model::example_kernels(theta, x);
    const at::Tensor expected = at::bmm(at::bmm(u, k), u.transpose(1, 2));
    for (const at::Tensor& found : {p.model->projected_kernels(theta, x, u), p.model->Model::projected_kernels(theta, x, u)}) {
      EXPECT_LT((found - expected).abs().max().item<double>(), 1e-11 * expected.abs().max().item<double>()) << small.model;
    }
  }
}

TEST(KernelTraceBySigns, IsExactWithinFourStandardErrors) {
  for (const Small& small : models) {
    for (const Loss loss : losses_for(small)) {
      const bool is_image = small.input_shape.size() > 1;
      if (is_image && loss != Loss::mse_sum && loss != Loss::cross_entropy) continue;  // they take their time
      const Problem p = problem(small, loss);
      const int draws = is_image ? 60 : 400;
      const auto exact = measured(p, {{"precision", "float64"}}, 4);
      const auto found = measured(p, {{"precision", "float64"}, {"method", "signs"}, {"draws", draws}}, 7);
      const std::string what = small.model + loss_names()[static_cast<std::size_t>(loss)];
      const double rounding = 1e-10;  // with one output ‖Jᵀu‖² is the trace itself, and there is no error
      EXPECT_NEAR(found[0], exact[0], 4 * found[1] + rounding * exact[0]) << what;
      EXPECT_NEAR(found[2], exact[1], 4 * found[3] + rounding * exact[1]) << what;
      EXPECT_NEAR(found[4], exact[2], 4 * found[3] / exact[1] * exact[2] + rounding * exact[2]) << what;
      EXPECT_NEAR(found[5], exact[3], 4 * found[6] + rounding * exact[3]) << what;
      EXPECT_LT(found[1], 0.1 * found[0]) << what;
      EXPECT_LT(found[6], 0.2 * found[5]) << what;
      if (small.outputs == 1) {
        EXPECT_LT(found[1] / found[0] + found[6] / found[5], 1e-10) << what;
      } else {
        EXPECT_GT(found[6], 0) << what;
      }
    }
  }
}

TEST(KernelTraceBySigns, KnowsItsStandardError) {
  // Of a draw: ½ (uᵀku + u'ᵀku') has the variance Σ_{c≠c'} k_cc'². 12 × 1999 differences tell it to some percent.
  const Problem p = problem(models[0], Loss::mse);
  const at::Tensor k = p.model->example_kernels(p.theta.to(at::kDouble), p.data.train.inputs.to(at::kDouble));
  const at::Tensor off_diagonal = k - at::diag_embed(k.diagonal(0, 1, 2));
  const auto found = measured(p, {{"precision", "float64"}, {"method", "signs"}, {"draws", 2000}}, 7);
  const double expected = std::sqrt(off_diagonal.square().sum().item<double>() / 2000) / 12;
  EXPECT_NEAR(found[1], expected, 0.05 * expected);
}

TEST(KernelTraceBySigns, OfBatchNormIsTheTraceOverGhostBatches) {
  const Small small{R"({"name": "resnet", "depth": 8, "norm": "batch", "activation": "tanh", "chunk": 5})", {2, 5, 5}, 2};
  for (const Loss loss : {Loss::mse, Loss::mse_sum, Loss::cross_entropy}) {
    const Problem p = problem(small, loss, 10);
    const auto found = measured(p, {{"precision", "float64"}, {"method", "signs"}, {"draws", 200}}, 5);
    const at::Tensor theta = p.theta.to(at::kDouble), x = p.data.train.inputs.to(at::kDouble);
    const double trace = p.model->ntk(theta, x).trace().item<double>();
    EXPECT_NEAR(found[0], trace, 4 * found[1]);
    EXPECT_LT(found[1], 0.1 * found[0]);
    if (is_squared(loss)) {
      EXPECT_NEAR(found[2], squared_loss_scale(loss) * found[0], 1e-12 * found[2]);
    }
    const double noise = (10.0 - 3) / (3 * 9.0) * 0.2 / 2;
    EXPECT_NEAR(found[4], noise * found[2] / (is_squared(loss) ? 2 : 1), 1e-12 * found[4]);
  }
}

TEST(KernelTraceBySigns, IsTheSameOnEveryRunAndNearlySoInFloat32) {
  const Problem p = problem(models[0], Loss::cross_entropy);
  const Json settings = {{"method", "signs"}};
  const auto first = measured(p, settings, 7);
  EXPECT_EQ(measured(p, settings, 7), first);
  const auto wide = measured(p, {{"method", "signs"}, {"precision", "float64"}}, 7);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_NEAR(first[i], wide[i], 1e-4 * wide[i]);
}

TEST(KernelTraceBySigns, HasSettingsAndColumnsOnlyWhereAskedFor) {
  EXPECT_EQ(canonical("kernel_trace", Json::object()), Json({{"precision", "float32"}}));
  EXPECT_EQ(canonical("kernel_trace", {{"method", "exact"}}), Json({{"precision", "float32"}}));
  const Json signs = canonical("kernel_trace", {{"method", "signs"}});
  EXPECT_EQ(signs, Json({{"precision", "float32"}, {"method", "signs"}, {"draws", 2}}));
  EXPECT_EQ(canonical("kernel_trace", signs), signs);
  const MeasurementFamily& family = measurement_family("kernel_trace");
  Json experiment = experiment_of(100);
  EXPECT_EQ(family.columns(signs, experiment).size(), 7u);
  EXPECT_EQ(family.columns(canonical("kernel_trace", Json::object()), experiment).size(), 4u);
  EXPECT_THROW(canonical("kernel_trace", {{"draws", 4}}), InputError);
  EXPECT_THROW(canonical("kernel_trace", {{"method", "signs"}, {"draws", 1}}), InputError);
  EXPECT_THROW(canonical("kernel_trace", {{"method", "sampled"}}), InputError);
  experiment["model"] = {{"name", "resnet"}, {"norm", "batch"}};
  const Json given = {{"method", "signs"}}, none = Json::object();
  EXPECT_EQ(family.columns(family.canonical(ObjectReader(given, "s.json", "measure.kernel_trace"), experiment), experiment).size(), 5u);
  EXPECT_THROW(family.canonical(ObjectReader(none, "s.json", "measure.kernel_trace"), experiment), InputError);
}

}  // namespace
}  // namespace edgesweep
