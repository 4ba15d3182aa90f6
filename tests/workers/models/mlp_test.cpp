#include "workers/models/mlp.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

Json canonical(const std::string& text) {
  return model_family("mlp").canonical(ObjectReader(Json::parse(text), "sweep.json", "experiment.model"));
}

std::string failure(const std::string& text) {
  try {
    canonical(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(MlpFamily, WritesEveryDefaultOut) {
  const Json expected = Json::parse(R"({"name": "mlp", "hidden": [4, 5], "activation": "erf", "init": "lecun",
                                        "init_scale": 1.0, "bias": true})");
  const Json first = canonical(R"({"name": "mlp", "hidden": [4, 5], "activation": "erf"})");
  EXPECT_EQ(first, expected);
  EXPECT_EQ(canonical(first.dump()), first);
  EXPECT_EQ(canonical(R"({"name": "mlp", "hidden": []})")["activation"], "linear");
}

TEST(MlpFamily, RefusesWhatCannotBeANetworkAndNamesThePath) {
  EXPECT_NE(
      failure(R"({"name": "mlp", "hidden": [4, 0], "activation": "erf"})").find("experiment.model.hidden[1]"),
      std::string::npos);
  EXPECT_NE(
      failure(R"({"name": "mlp", "hidden": [4], "activation": "swish"})").find("experiment.model.activation"),
      std::string::npos);
  EXPECT_NE(failure(R"({"name": "mlp", "hidden": [4]})").find("experiment.model.activation"),
            std::string::npos);
  EXPECT_NE(failure(R"({"name": "mlp", "hidden": [4], "activation": "erf", "init": "he"})").find("init"),
            std::string::npos);
  EXPECT_NE(
      failure(R"({"name": "mlp", "hidden": [4], "activation": "erf", "init_scale": 0})").find("init_scale"),
      std::string::npos);
  EXPECT_NE(failure(R"({"name": "mlp", "hidden": [4], "activation": "erf", "depth": 3})").find("depth"),
            std::string::npos);
}

TEST(MlpFamily, MakesTheNetworkItDescribes) {
  const auto model = model_family("mlp").make(
      canonical(R"({"name": "mlp", "hidden": [256, 256], "activation": "erf"})"), {1, 28, 28}, 1);
  EXPECT_EQ(model->parameter_count(), 267009);
  EXPECT_EQ(model->outputs(), 1);
  EXPECT_EQ(model->forward_flops(), 784 * 256 + 256 * 256 + 256);
}

TEST(Mlp, NamesItsParametersAsPyTorchDoes) {
  const Mlp mlp({.sizes = {4, 3, 2}});
  ASSERT_EQ(mlp.parameters().size(), 4u);
  EXPECT_EQ(mlp.parameters()[2].name, "layers.1.weight");
  EXPECT_EQ(mlp.parameters()[2].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(mlp.parameters()[2].offset, 15);
  EXPECT_EQ(mlp.parameters()[3].name, "layers.1.bias");
  EXPECT_EQ(mlp.parameters()[3].count, 2);
  EXPECT_THROW(Mlp({.sizes = {4}}), InputError);
  EXPECT_THROW(Mlp({.sizes = {4, 0, 1}}), InputError);
}

TEST(Mlp, InitialWeightsHaveTheVarianceOfTheirScheme) {
  const std::vector<std::pair<std::string, double>> schemes{
      {"lecun", 1.0 / 400}, {"kaiming", 2.0 / 400}, {"xavier", 2.0 / 700}, {"ntk", 1.0}};
  for (const auto& [init, variance] : schemes) {
    SCOPED_TRACE(init);
    const Mlp mlp({.sizes = {400, 300, 1}, .init = init, .init_scale = 1.5});
    const at::Tensor theta = mlp.initial_parameters(3);
    EXPECT_EQ(theta.scalar_type(), at::kFloat);
    const at::Tensor weight = mlp.weight(theta, 0).to(at::kDouble);
    const double expected = 1.5 * 1.5 * variance;
    // 120,000 samples: mean and variance have relative standard errors of 0.0029 and 0.0041; five of them.
    EXPECT_NEAR(weight.square().mean().item<double>() / expected, 1, 0.02);
    EXPECT_NEAR(weight.mean().item<double>() / std::sqrt(expected), 0, 0.015);
    EXPECT_EQ(mlp.bias(theta, 0).abs().max().item<double>(), 0);
    EXPECT_TRUE(same_bits(theta, mlp.initial_parameters(3)));
    EXPECT_FALSE(same_bits(theta, mlp.initial_parameters(4)));
  }
}

TEST(Mlp, StartsAsPyTorchsLinearLayersDoIfAsked) {
  const Mlp mlp({.sizes = {400, 300, 1}, .init = "pytorch", .init_scale = 1.5});
  const at::Tensor theta = mlp.initial_parameters(3).to(at::kDouble);
  const auto expect_uniform = [](const at::Tensor& values, double bound, double tolerance) {
    EXPECT_LE(values.abs().max().item<double>(), bound);
    EXPECT_NEAR(values.square().mean().item<double>() / (bound * bound / 3), 1, tolerance);
    EXPECT_NEAR(values.mean().item<double>() / bound, 0, tolerance);
  };
  // Relative standard errors of the variance are √(4/5n): 0.0026 of 120,000 weights, 0.052 of 300 biases; five of them.
  expect_uniform(mlp.weight(theta, 0), 1.5 / 20, 0.013);
  expect_uniform(mlp.bias(theta, 0), 1.0 / 20, 0.26);
  expect_uniform(mlp.weight(theta, 1), 1.5 / std::sqrt(300), 0.26);
}

TEST(Mlp, ForwardIsTheFormulaOfItsHeader) {
  for (const auto& settings : small_networks()) {
    SCOPED_TRACE(describe(settings));
    const Mlp mlp(settings);
    const at::Tensor theta = parameters_of(mlp), x = normal({5, settings.sizes.front()}, 1);
    at::Tensor h = x;
    std::int64_t offset = 0;
    for (std::size_t l = 0; l + 1 < settings.sizes.size(); ++l) {
      const std::int64_t in = settings.sizes[l], out = settings.sizes[l + 1];
      if (l > 0) h = activate(settings.activation, h);
      const double scale = settings.init == "ntk" ? 1 / std::sqrt(static_cast<double>(in)) : 1;
      h = h.matmul(theta.slice(0, offset, offset + in * out).reshape({out, in}).t()) * scale;
      offset += in * out;
      if (settings.bias) {
        h = h + theta.slice(0, offset, offset + out);
        offset += out;
      }
    }
    EXPECT_EQ(offset, mlp.parameter_count());
    EXPECT_LT(relative_error(mlp.forward(theta, x), h), 1e-14);
  }
}

TEST(Mlp, GradientAgreesWithAutograd) {
  for (const auto& settings : small_networks()) {
    SCOPED_TRACE(describe(settings));
    const Mlp mlp(settings);
    const at::Tensor theta = parameters_of(mlp);
    const at::Tensor x = normal({6, settings.sizes.front()}, 1), y = normal({6, settings.sizes.back()}, 2);
    const at::Tensor expected = autograd_gradient(mlp, theta, x, y);
    EXPECT_LT(relative_error(mlp.gradient(theta, x, y, Loss::mse), expected), 1e-13);
    const at::Tensor single = mlp.gradient(theta.to(at::kFloat), x.to(at::kFloat), y.to(at::kFloat), Loss::mse);
    EXPECT_EQ(single.scalar_type(), at::kFloat);
    EXPECT_LT(relative_error(single, expected), 3e-6);
  }
}

}  // namespace
}  // namespace edgesweep
