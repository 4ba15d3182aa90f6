// What a team computes together is what its model computes alone.
#include "workers/models/team_model.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "tests/workers/models/any_model.hpp"
#include "tests/workers/models/networks.hpp"
#include "tests/workers/models/thread_team.hpp"

namespace edgesweep {
namespace {

using namespace testing;

const std::vector<Small> networks = {
    {R"({"name": "mlp", "hidden": [7], "activation": "tanh"})", {5}, 3},
    {R"({"name": "cnn", "layers": 2, "activation": "tanh", "pool": "average"})", {1, 8, 8}, 2},
    {R"({"name": "resnet", "depth": 8, "norm": "batch"})", {1, 4, 4}, 2},
};

class TeamModelTest : public ::testing::TestWithParam<Small> {
 protected:
  static constexpr std::int64_t examples = 14;

  TeamModelTest() {
    at::manual_seed(4);
    direction_ = at::randn({theta_.size(0)}, at::kDouble);
  }

  /// What `compute` gives of the model in each member of teams of 2, 3 and more than there are examples, against alone.
  void expect_the_same(const std::function<at::Tensor(const Model&)>& compute) {
    const at::Tensor alone = compute(*model_);
    for (const int size : {2, 3, 20}) {
      std::vector<at::Tensor> of_members(static_cast<std::size_t>(size));
      ThreadTeam(size).run([&](Team& team) {
        const TeamModel shared(make_model(GetParam()), team);
        of_members[static_cast<std::size_t>(team.rank())] = compute(shared);
      });
      EXPECT_LE(relative_error(of_members[0], alone), 1e-12) << "team of " << size;
      for (const at::Tensor& member : of_members) EXPECT_TRUE(same_bits(member, of_members[0])) << "team of " << size;
    }
  }

  const std::unique_ptr<Model> model_ = make_model(GetParam());
  const at::Tensor theta_ = random_parameters(*model_, 3);
  const at::Tensor x_ = random_inputs(GetParam(), examples, 5);
  const at::Tensor y_ = random_targets(Loss::cross_entropy, examples, GetParam().outputs, 6);
  at::Tensor direction_;
};

TEST_P(TeamModelTest, PredictsAsOne) {
  expect_the_same([&](const Model& model) { return model.predict(theta_, x_); });
}

TEST_P(TeamModelTest, HasTheLossAndGradientOfOne) {
  for (const Loss loss : {Loss::mse, Loss::cross_entropy}) {
    expect_the_same([&](const Model& model) { return model.gradient(theta_, x_, y_, loss); });
    expect_the_same([&](const Model& model) {
      return at::scalar_tensor(model.loss_and_gradient(theta_, x_, y_, loss).loss, at::kDouble);
    });
  }
}

TEST_P(TeamModelTest, HasTheHessianAndGaussNewtonProductsOfOne) {
  for (const Loss loss : {Loss::mse, Loss::cross_entropy}) {
    expect_the_same([&](const Model& model) { return model.hessian(theta_, x_, y_, loss)->apply(direction_); });
    expect_the_same([&](const Model& model) { return model.gauss_newton(theta_, x_, y_, loss)->apply(direction_); });
  }
}

TEST_P(TeamModelTest, HasTheCurvaturesOfBatchesOfOne) {
  expect_the_same([&](const Model& model) { return model.gradient_curvatures(theta_, x_, y_, 2, Loss::mse); });
}

TEST_P(TeamModelTest, HasTheKernelsOfOne) {
  expect_the_same([&](const Model& model) { return model.ntk(theta_, x_); });
  if (!model_->mixes_examples()) {
    expect_the_same([&](const Model& model) { return model.example_kernels(theta_, x_); });
  }
}

TEST_P(TeamModelTest, TrainsAsOne) {
  const SgdOptions options{.momentum = 0.9, .l2 = 1e-3, .nesterov = true};
  expect_the_same([&](const Model& model) {
    const at::Tensor theta = theta_.clone(), velocity = at::zeros_like(theta);
    const Examples train{x_, y_, {}};
    const auto stepper = model.stepper(theta, velocity, train, options, 5);
    std::vector<std::int64_t> rows(5);
    for (std::int64_t step = 0; step < 20; ++step) {
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = (step * 5 + static_cast<std::int64_t>(i) * 3) % examples;
      stepper->step(rows, 0.01);
    }
    return theta;
  });
}

INSTANTIATE_TEST_SUITE_P(Networks, TeamModelTest, ::testing::ValuesIn(networks),
                         [](const auto& network) { return Json::parse(network.param.model).at("name").template get<std::string>(); });

}  // namespace
}  // namespace edgesweep
