// Families of layered networks: sizes, and kernels, gradients and curvatures against dense Jacobians and Hessians by autograd
// in float64.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {
namespace {

using namespace testing;
using ::testing::HasSubstr;

using Shape = std::vector<std::int64_t>;

std::unique_ptr<Model> make(const Json& given, const Shape& shape = {3, 32, 32}, std::int64_t outputs = 10) {
  const ModelFamily& family = model_family(given.at("name").get<std::string>());
  const Json canonical = family.canonical(ObjectReader(given, "s.json", "experiment.model"));
  EXPECT_EQ(family.canonical(ObjectReader(canonical, "s.json", "experiment.model")), canonical);
  return family.make(canonical, shape, outputs);
}

struct Network {
  Json settings;
  Shape shape;
};

/// Every family and kind of norm, on images as small as it takes.
const std::vector<Network>& networks() {
  static const std::vector<Network> all = [] {
    std::vector<Network> result;
    for (const char* norm : {"none", "layer", "group"}) {
      for (const char* shortcut : {"pad", "projection", "norm_pad"}) {
        Json resnet = {{"name", "resnet"}, {"depth", 8}, {"norm", norm}, {"shortcut", shortcut}, {"activation", "gelu"}};
        if (std::string(norm) == "group") resnet["groups"] = 4;
        result.push_back({resnet, {2, 6, 5}});
      }
    }
    result.push_back({{{"name", "cnn"}, {"layers", 2}, {"activation", "tanh"}, {"pool", "average"}}, {1, 8, 9}});
    result.push_back({{{"name", "cnn"}, {"layers", 2}, {"activation", "relu"}, {"pool", "max"}}, {3, 8, 8}});
    result.push_back({{{"name", "mixer"}, {"patch", 2}, {"width", 6}, {"blocks", 2}, {"token_hidden", 5}, {"channel_hidden", 7}},
                      {3, 6, 4}});
    result.push_back({{{"name", "vit"}, {"patch", 2}, {"width", 6}, {"blocks", 2}, {"heads", 2}, {"mlp_hidden", 7}, {"init", "xavier"}},
                      {3, 6, 4}});
    return result;
  }();
  return all;
}

struct Data {
  at::Tensor theta, x, y;
};

Data data_for(const Model& model, const Shape& shape, std::int64_t count) {
  std::int64_t features = 1;
  for (const auto size : shape) features *= size;
  const at::Tensor theta = model.initial_parameters(7).to(at::kDouble);
  return {theta + 0.05 * normal({theta.size(0)}, 8), normal({count, features}, 1), normal({count, model.outputs()}, 2)};
}

TEST(LayeredModels, HaveTheSizesOfThePapersNetworks) {
  EXPECT_EQ(make({{"name", "resnet"}, {"depth", 32}, {"shortcut", "norm_pad"}, {"zero_last_norm", true}})->parameter_count(), 464'250);
  EXPECT_EQ(make({{"name", "resnet"}, {"depth", 20}, {"norm", "none"}})->parameter_count(), 268'346);
  EXPECT_EQ(make({{"name", "resnet"}, {"depth", 14}})->parameter_count(), 172'506);
  EXPECT_EQ(make({{"name", "resnet"}})->parameter_count(), 11'173'962);
  EXPECT_EQ(make({{"name", "vgg11"}})->parameter_count(), 9'750'922);
  EXPECT_EQ(make({{"name", "resnet50"}}, {3, 224, 224}, 1000)->parameter_count(), 25'557'032);
  EXPECT_EQ(make({{"name", "vit"}}, {3, 224, 224}, 1000)->parameter_count(), 22'050'664);
  EXPECT_EQ(make({{"name", "cnn"}, {"layers", 2}})->parameter_count(), 30'634);
  EXPECT_EQ(make({{"name", "cnn"}, {"layers", 5}})->parameter_count(), 2'477'514);
  EXPECT_EQ(make({{"name", "mlp"}, {"hidden", {200, 200}}, {"activation", "tanh"}})->parameter_count(), 656'810);
  EXPECT_EQ(make({{"name", "mlp"}, {"hidden", {512, 512}}, {"activation", "relu"}})->parameter_count(), 1'841'162);
  EXPECT_EQ(make({{"name", "mlp"}, {"hidden", {512, 512, 512, 512}}, {"activation", "relu"}})->parameter_count(), 2'366'474);
  const Json linear = {{"name", "mlp"}, {"hidden", std::vector<int>(19, 50)}, {"activation", "linear"}, {"bias", false}};
  EXPECT_EQ(make(linear, {50}, 50)->parameter_count(), 20 * 50 * 50);
}

TEST(LayeredModels, GiveOutputsOfTheFullSize) {
  for (const Json& settings : {Json{{"name", "resnet"}}, Json{{"name", "resnet"}, {"depth", 14}}, Json{{"name", "vgg11"}},
                               Json{{"name", "cnn"}, {"layers", 5}}, Json{{"name", "mixer"}, {"blocks", 1}}}) {
    const auto model = make(settings);
    const at::Tensor f = model->forward(model->initial_parameters(1), normal({2, 3072}, 1).to(at::kFloat));
    EXPECT_EQ(f.sizes(), at::IntArrayRef({2, 10}));
    EXPECT_TRUE(at::isfinite(f).all().item<bool>());
    EXPECT_GT(model->forward_flops(), 1e5);
  }
}

TEST(LayeredModels, CountTheMultiplyAddsOfAPass) {
  // 3·9·32·32·32 and 32·9·32·16·16 of the convolutions, 32·8·8·10 of the head.
  EXPECT_EQ(make({{"name", "cnn"}, {"layers", 2}})->forward_flops(), 27.0 * 32 * 1024 + 288.0 * 32 * 256 + 20480);
}

TEST(LayeredModels, HaveTheKernelsOfTheirJacobian) {
  for (const Network& network : networks()) {
    const auto model = make(network.settings, network.shape, 3);
    const Data data = data_for(*model, network.shape, 4);
    EXPECT_LT(relative_error(model->ntk(data.theta, data.x), model->Model::ntk(data.theta, data.x)), 1e-11) << network.settings;
    EXPECT_LT(relative_error(model->example_kernels(data.theta, data.x), model->Model::example_kernels(data.theta, data.x)), 1e-11)
        << network.settings;
  }
}

TEST(LayeredModels, HaveKernelsOfLargeImagesToo) {
  // More positions than inputs of a filter, more examples than are taken at once.
  const auto model = make({{"name", "cnn"}, {"layers", 2}, {"activation", "tanh"}}, {1, 12, 12}, 3);
  const Data data = data_for(*model, {1, 12, 12}, 30);
  EXPECT_LT(relative_error(model->ntk(data.theta, data.x), model->Model::ntk(data.theta, data.x)), 1e-11);
  EXPECT_LT(relative_error(model->example_kernels(data.theta, data.x), model->Model::example_kernels(data.theta, data.x)), 1e-11);
}

TEST(LayeredModels, HaveTheGradientsAndCurvaturesOfTheirLoss) {
  for (const Network& network : networks()) {
    const auto model = make(network.settings, network.shape, 3);
    const Data data = data_for(*model, network.shape, 5);
    const at::Tensor v = normal({data.theta.size(0)}, 3);
    for (const Loss loss : {Loss::mse, Loss::mse_sum, Loss::cross_entropy, Loss::logistic}) {
      at::Tensor y = data.y;
      if (loss == Loss::cross_entropy) y = at::softmax(y, 1);
      if (loss == Loss::logistic) y = y.sign();
      const auto value = [&](const at::Tensor& theta) { return loss_value(loss, model->forward(theta, data.x), y).item<double>(); };
      const double h = 1e-5;
      const at::Tensor g = model->gradient(data.theta, data.x, y, loss);
      const double slope = (value(data.theta + h * v) - value(data.theta - h * v)) / (2 * h);
      EXPECT_NEAR(g.dot(v).item<double>(), slope, 1e-5 * (1 + std::abs(slope))) << network.settings;
      if (network.settings.value("activation", "") == "relu") continue;  // not twice differentiable
      const at::Tensor difference = (model->gradient(data.theta + h * v, data.x, y, loss) -
                                     model->gradient(data.theta - h * v, data.x, y, loss)) / (2 * h);
      EXPECT_LT(relative_error(model->hessian(data.theta, data.x, y, loss)->apply(v), difference), 1e-6) << network.settings;

      const at::Tensor leaf = tracked(data.theta), f = model->forward(leaf, data.x);
      std::vector<at::Tensor> rows;
      for (std::int64_t i = 0; i < f.numel(); ++i) rows.push_back(torch::autograd::grad({f.flatten()[i]}, {leaf}, {}, true)[0]);
      const at::Tensor j = at::stack(rows);
      const at::Tensor curved = loss_curvature(loss, f.detach(), y, at::mv(j, v).view_as(f)).flatten();
      EXPECT_LT(relative_error(model->gauss_newton(data.theta, data.x, y, loss)->apply(v), at::mv(j.t(), curved)), 1e-10);
    }
  }
}

TEST(LayeredModels, AccumulateOverChunksOfAnySize) {
  for (const Json& settings : {Json{{"name", "resnet"}, {"depth", 8}, {"norm", "group"}}, Json{{"name", "cnn"}}}) {
    const Shape shape{3, 8, 8};
    const auto whole = make(settings, shape);
    const Data data = data_for(*whole, shape, 15);
    const at::Tensor theta = data.theta.to(at::kFloat), x = data.x.to(at::kFloat), y = data.y.to(at::kFloat);
    const at::Tensor v = normal({theta.size(0)}, 3).to(at::kFloat);
    for (const std::int64_t chunk : {1, 7, 15}) {
      Json chunked = settings;
      chunked["chunk"] = chunk;
      const auto model = make(chunked, shape);
      EXPECT_EQ(model->chunk_rows(), chunk);
      const auto same = [&](const at::Tensor& mine, const at::Tensor& theirs) { EXPECT_LT(relative_error(mine, theirs), 2e-6); };
      same(model->gradient(theta, x, y, Loss::mse), whole->gradient(theta, x, y, Loss::mse));
      same(model->hessian(theta, x, y, Loss::mse)->apply(v), whole->hessian(theta, x, y, Loss::mse)->apply(v));
      same(model->gauss_newton(theta, x, y, Loss::mse)->apply(v), whole->gauss_newton(theta, x, y, Loss::mse)->apply(v));
    }
  }
}

TEST(LayeredModels, WithBatchNormTakeChunksAsGhostBatches) {
  const Shape shape{3, 8, 8};
  const auto model = make({{"name", "resnet"}, {"depth", 8}, {"chunk", 5}}, shape);
  EXPECT_TRUE(model->mixes_examples());
  const Data data = data_for(*model, shape, 10);
  const auto part = [&](std::int64_t first) {
    return model->gradient(data.theta, data.x.narrow(0, first, 5), data.y.narrow(0, first, 5), Loss::mse);
  };
  EXPECT_LT(relative_error(model->gradient(data.theta, data.x, data.y, Loss::mse), (part(0) + part(5)) / 2), 1e-12);
  const auto whole = make({{"name", "resnet"}, {"depth", 8}}, shape);
  EXPECT_GT(relative_error(whole->gradient(data.theta, data.x, data.y, Loss::mse), (part(0) + part(5)) / 2), 1e-3);
  EXPECT_THROW(model->example_kernels(data.theta, data.x), std::logic_error);
  const at::Tensor v = normal({data.theta.size(0)}, 3);
  const double h = 1e-6;
  const at::Tensor difference = (whole->gradient(data.theta + h * v, data.x, data.y, Loss::mse) -
                                 whole->gradient(data.theta - h * v, data.x, data.y, Loss::mse)) / (2 * h);
  EXPECT_LT(relative_error(whole->hessian(data.theta, data.x, data.y, Loss::mse)->apply(v), difference), 1e-3);  // kinks of ReLU
}

TEST(LayeredModels, TrainLikeTheFormula) {
  const Shape shape{3, 8, 8};
  const auto model = make({{"name", "cnn"}, {"activation", "tanh"}, {"chunk", 4}}, shape);
  const Data data = data_for(*model, shape, 12);
  const Examples train{data.x.to(at::kFloat), data.y.to(at::kFloat), {}};
  for (const SgdOptions& options : {SgdOptions{}, SgdOptions{0.9, 0.01}, SgdOptions{0.9, 0.01, true, Loss::mse_sum}}) {
    at::Tensor theta = data.theta.to(at::kFloat).clone(), velocity = at::zeros_like(theta);
    const auto stepper = model->stepper(theta, velocity, train, options, 6);
    at::Tensor expected = data.theta.clone(), v = at::zeros_like(expected);
    for (const std::vector<std::int64_t>& batch : {std::vector<std::int64_t>{0, 3, 5, 7, 9, 11}, {1, 2, 4, 6, 8, 10}, {0, 1, 2, 3, 4, 5}}) {
      const at::Tensor rows = at::tensor(batch);
      const at::Tensor x = data.x.index_select(0, rows), y = data.y.index_select(0, rows);
      const double loss = loss_value(options.loss, model->forward(expected, x), y).item<double>();
      const at::Tensor g = model->gradient(expected, x, y, options.loss) + options.l2 * expected;
      v = options.momentum * v + g;
      expected = expected - 0.05 * (options.nesterov ? g + options.momentum * v : v);
      EXPECT_NEAR(stepper->step(batch, 0.05), loss, 1e-5 * (1 + loss));
    }
    EXPECT_LT(relative_error(theta, expected), 1e-6);
  }
}

TEST(LayeredModels, KeepTheirMemoryOverManyHessianProducts) {
  const Shape shape{3, 8, 8};
  const auto pages = [] {
    std::ifstream file("/proc/self/statm");
    long total = 0, resident = 0;
    file >> total >> resident;
    return resident;
  };
  const auto model = make({{"name", "cnn"}, {"chunk", 8}}, shape);
  const Data data = data_for(*model, shape, 16);
  const at::Tensor v = normal({data.theta.size(0)}, 3);
  const auto op = model->hessian(data.theta, data.x, data.y, Loss::mse);
  for (int i = 0; i < 50; ++i) op->apply(v);
  const long before = pages();
  for (int i = 0; i < 1000; ++i) op->apply(v);
  EXPECT_LT(pages() - before, 500) << "pages of 4 KiB";  // a leak of one gradient a product would be 7,000
}

TEST(LayeredModels, RefuseWhatTheyCannotTake) {
  EXPECT_THROW(make({{"name", "resnet"}}, {784}), InputError);
  EXPECT_THROW(make({{"name", "resnet"}, {"depth", 19}}), InputError);
  EXPECT_THROW(make({{"name", "resnet"}, {"norm", "group"}, {"groups", 3}}), InputError);
  EXPECT_THROW(make({{"name", "mixer"}, {"patch", 5}}), InputError);
  EXPECT_THROW(make({{"name", "vgg11"}}, {1, 28, 28}), InputError);
  EXPECT_THROW(make({{"name", "cnn"}, {"layers", 3}}), InputError);
}

}  // namespace
}  // namespace edgesweep
