// A gradient told part by part is the gradient, and its sum over a team does not depend on the parts.
#include "workers/models/gradient_exchange.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

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
    {R"({"name": "cnn", "layers": 2, "activation": "tanh", "pool": "average", "chunk": 5})", {1, 8, 8}, 2},
    {R"({"name": "resnet", "depth": 8, "norm": "batch"})", {1, 4, 4}, 2},
    {R"({"name": "vit", "patch": 2, "width": 6, "blocks": 2, "heads": 2, "mlp_hidden": 7})", {3, 6, 4}, 2},
};

struct Heard final : GradientListener {
  explicit Heard(const Model& from) : model(from), gradient(at::zeros({from.parameter_count()}, at::kFloat)) {}

  void loss_made(const at::Tensor& value) override {
    EXPECT_TRUE(order.empty());
    loss = value.item<double>();
  }
  void part_made(std::size_t parameter, const at::Tensor& part) override {
    const Parameter& p = model.parameters()[parameter];
    gradient.narrow(0, p.offset, p.count).copy_(part);
    order.push_back(parameter);
  }

  const Model& model;
  double loss = 0;
  at::Tensor gradient;
  std::vector<std::size_t> order;
};

class GradientParts : public ::testing::TestWithParam<Small> {
 protected:
  static constexpr std::int64_t examples = 14;

  const std::unique_ptr<Model> model_ = make_model(GetParam());
  const at::Tensor theta_ = random_parameters(*model_, 3).to(at::kFloat);
  const at::Tensor x_ = random_inputs(GetParam(), examples, 5).to(at::kFloat);
  const at::Tensor y_ = random_targets(Loss::cross_entropy, examples, GetParam().outputs, 6).to(at::kFloat);
};

TEST_P(GradientParts, AreTheGradientBitByBit) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    if (type == at::kBFloat16 && GetParam().input_shape.size() == 1) continue;  // the MLP's own passes know float32 and float64
    const at::Tensor x = x_.to(type);
    const LossGradient expected = model_->loss_and_gradient(theta_, x, y_, Loss::cross_entropy);
    Heard heard(*model_);
    model_->tell_loss_and_gradient(theta_, x, y_, Loss::cross_entropy, heard);
    EXPECT_EQ(heard.loss, expected.loss);
    EXPECT_TRUE(same_bits(heard.gradient, expected.gradient)) << relative_error(heard.gradient, expected.gradient);
  }
}

TEST_P(GradientParts, ComeOnceEachFromTheEnd) {
  Heard heard(*model_);
  model_->tell_loss_and_gradient(theta_, x_, y_, Loss::cross_entropy, heard);
  const std::size_t count = model_->parameters().size();
  ASSERT_EQ(heard.order.size(), count);
  std::vector<int> times(count);
  for (const std::size_t parameter : heard.order) ++times[parameter];
  EXPECT_EQ(times, std::vector<int>(count, 1));
  EXPECT_GE(heard.order.front(), count - 2);  // the last layer's weight or bias
  EXPECT_LE(heard.order.back(), 5U);
}

TEST_P(GradientParts, AddUpOverATeamInBucketsOfAnySize) {
  for (const int size : {1, 2, 3}) {
    std::vector<LossGradient> sums;
    for (const std::int64_t least : {std::int64_t{1}, std::int64_t{40}, GradientExchange::usual_bucket}) {
      std::vector<LossGradient> of_members(static_cast<std::size_t>(size));
      ThreadTeam(size).run([&](Team& team) {
        GradientExchange exchange(team, model_->parameters(), 1.0 / size, theta_, least);
        // Each tells of the same examples, but for the last of three, which has none.
        if (team.rank() < 2) model_->tell_loss_and_gradient(theta_, x_, y_, Loss::cross_entropy, exchange);
        of_members[static_cast<std::size_t>(team.rank())] = exchange.sum();
      });
      for (const LossGradient& member : of_members) {
        EXPECT_EQ(member.loss, of_members[0].loss);
        EXPECT_TRUE(same_bits(member.gradient, of_members[0].gradient));
      }
      sums.push_back(of_members[0]);
    }
    for (const LossGradient& sum : sums) {
      EXPECT_EQ(sum.loss, sums[0].loss);
      EXPECT_TRUE(same_bits(sum.gradient, sums[0].gradient));
    }
    const LossGradient whole = model_->loss_and_gradient(theta_, x_, y_, Loss::cross_entropy);
    const double part = size == 3 ? 2.0 / 3 : 1;
    EXPECT_NEAR(sums[0].loss, part * whole.loss, 1e-6 * whole.loss);
    EXPECT_LE(relative_error(sums[0].gradient, part * whole.gradient), 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(, GradientParts, ::testing::ValuesIn(networks), [](const auto& test) {
  return Json::parse(test.param.model).at("name").template get<std::string>();
});

}  // namespace
}  // namespace edgesweep
