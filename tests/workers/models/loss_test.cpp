#include "workers/models/loss.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <stdexcept>

#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

struct Pair {
  at::Tensor f, y;
};

Pair pair_for(Loss loss) {
  Pair pair{normal({5, 4}, 1), normal({5, 4}, 2)};
  if (loss == Loss::cross_entropy) pair.y = at::softmax(pair.y, 1);
  if (loss == Loss::logistic) pair.y = pair.y.sign();
  return pair;
}

const std::vector<Loss> losses{Loss::mse, Loss::mse_sum, Loss::cross_entropy, Loss::logistic};

TEST(Losses, AreWhatTheirNamesSay) {
  const at::Tensor f = at::tensor({1.0, 3.0}, at::kDouble).unsqueeze(0);
  const at::Tensor y = at::tensor({0.0, 1.0}, at::kDouble).unsqueeze(0);
  EXPECT_DOUBLE_EQ(loss_value(Loss::mse, f, y).item<double>(), 2.5);
  EXPECT_DOUBLE_EQ(loss_value(Loss::mse_sum, f, y).item<double>(), 5);
  EXPECT_NEAR(loss_value(Loss::cross_entropy, f, y).item<double>(), std::log(1 + std::exp(-2.0)), 1e-15);
  EXPECT_NEAR(loss_value(Loss::logistic, at::full({1, 1}, 2.0, at::kDouble), at::full({1, 1}, -1.0, at::kDouble)).item<double>(),
              std::log(1 + std::exp(2.0)), 1e-14);
  EXPECT_NEAR(loss_value(Loss::logistic, at::full({1, 1}, -800.0, at::kDouble), at::ones({1, 1}, at::kDouble)).item<double>(),
              800, 1e-10);
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_EQ(loss_named(loss_names()[i]), losses[i]);
  EXPECT_THROW(loss_named("hinge"), std::invalid_argument);
}

TEST(Losses, AverageOverRowsAndSumOverOutputs) {
  for (const Loss loss : losses) {
    const Pair pair = pair_for(loss);
    const at::Tensor twice_f = at::cat({pair.f, pair.f}), twice_y = at::cat({pair.y, pair.y});
    EXPECT_NEAR(loss_value(loss, twice_f, twice_y).item<double>(), loss_value(loss, pair.f, pair.y).item<double>(), 1e-14);
  }
}

TEST(Losses, AreTheMeanOfTheirExamples) {
  for (const Loss loss : losses) {
    const Pair pair = pair_for(loss);
    const at::Tensor each = example_losses(loss, pair.f, pair.y);
    ASSERT_EQ(each.sizes(), at::IntArrayRef({5}));
    EXPECT_NEAR(each.mean().item<double>(), loss_value(loss, pair.f, pair.y).item<double>(), 1e-14);
    EXPECT_NEAR(each[2].item<double>(), loss_value(loss, pair.f.narrow(0, 2, 1), pair.y.narrow(0, 2, 1)).item<double>(), 1e-14);
  }
}

TEST(Losses, HaveRootsOfTheirCurvature) {
  for (const Loss loss : losses) {
    const Pair pair = pair_for(loss);
    const auto matrices = [&](const auto& product, double scale) {
      std::vector<at::Tensor> columns;
      for (std::int64_t c = 0; c < 4; ++c) {
        const at::Tensor unit = at::zeros_like(pair.f);
        unit.select(1, c).fill_(1);
        columns.push_back(product(loss, pair.f, pair.y, unit) * scale);
      }
      return at::stack(columns, 2);
    };
    const at::Tensor root = matrices(loss_curvature_root, 1);
    EXPECT_LT(relative_error(at::bmm(root, root.transpose(1, 2)), matrices(loss_curvature, 5)), 1e-14);
  }
}

TEST(Losses, HaveTheGradientAndCurvatureOfAutograd) {
  for (const Loss loss : losses) {
    const Pair pair = pair_for(loss);
    const at::Tensor f = tracked(pair.f), u = normal({5, 4}, 3);
    const at::Tensor g = torch::autograd::grad({loss_value(loss, f, pair.y)}, {f}, {}, true, true)[0];
    EXPECT_LT(relative_error(loss_gradient(loss, pair.f, pair.y), g.detach()), 1e-13);
    const at::Tensor curved = torch::autograd::grad({g}, {f}, {u})[0];
    EXPECT_LT(relative_error(loss_curvature(loss, pair.f, pair.y, u), curved), 1e-13);
  }
}

}  // namespace
}  // namespace edgesweep
