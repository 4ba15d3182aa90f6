// What an experiment may ask of its training steps: L2 on weights alone, bfloat16, smoothed labels.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/workers/models/any_model.hpp"

namespace edgesweep {
namespace {

using namespace testing;

const std::vector<Small> networks{
    {R"({"name": "mlp", "hidden": [7], "activation": "tanh"})", {5}, 3},
    {R"({"name": "cnn", "activation": "tanh", "pool": "average"})", {1, 8, 8}, 3},
    {R"({"name": "resnet", "depth": 8, "norm": "batch", "activation": "gelu"})", {2, 5, 5}, 3},
    {R"({"name": "vit", "patch": 2, "width": 6, "blocks": 2, "heads": 2, "mlp_hidden": 8})", {2, 4, 4}, 3}};

struct Trained {
  at::Tensor before, after;
};

/// θ before and after steps on the same four examples.
Trained train(const Small& small, const SgdOptions& options, double eta, int steps = 1) {
  const auto model = make_model(small);
  const Examples data{random_inputs(small, 4, 1).to(at::kFloat), random_targets(options.loss, 4, small.outputs, 2).to(at::kFloat), {}};
  at::Tensor theta = random_parameters(*model, 3).to(at::kFloat), velocity = at::zeros_like(theta);
  const at::Tensor before = theta.clone();
  const auto stepper = model->stepper(theta, velocity, data, options, 4);
  const std::vector<std::int64_t> rows{0, 1, 2, 3};
  for (int step = 0; step < steps; ++step) stepper->step(rows, eta);
  return {before, theta};
}

TEST(L2OnWeights, LeavesBiasesNormsTokensAndPositionsAlone) {
  for (const Small& small : networks) {
    const auto model = make_model(small);
    const SgdOptions without{.loss = Loss::cross_entropy};
    SgdOptions with = without;
    with.l2 = 0.25;
    with.l2_on_weights = true;
    const Trained plain = train(small, without, 0.01), decayed = train(small, with, 0.01);
    for (const Parameter& p : model->parameters()) {
      const bool is_weight = p.shape.size() > 1 && p.name != "cls_token" && p.name != "pos_embed";
      EXPECT_EQ(p.decays, is_weight) << p.name;
      const at::Tensor expected = plain.after - (is_weight ? 0.0025 : 0.0) * plain.before;
      const at::Tensor difference = (decayed.after - expected).narrow(0, p.offset, p.count);
      EXPECT_LT(difference.abs().max().item<double>(), 3e-7 * (1 + plain.after.abs().max().item<double>())) << small.model << ' ' << p.name;
    }
  }
}

TEST(Bfloat16, StepsAsFloat32DoesToItsOwnRounding) {
  for (const Small& small : networks) {
    if (std::string(small.model).find("mlp") != std::string::npos) continue;  // its steps are its own
    SgdOptions options{.momentum = 0.5, .loss = Loss::cross_entropy};
    const Trained full = train(small, options, 1e-3, 3);
    options.bfloat16 = true;
    const Trained half = train(small, options, 1e-3, 3);
    const double way = (full.after - full.before).norm().item<double>();
    EXPECT_LT((full.after - half.after).norm().item<double>(), 0.1 * way) << small.model;  // 2⁻⁸ a number, and chains of them
    EXPECT_GT((full.after - half.after).norm().item<double>(), 0) << small.model;
    EXPECT_EQ(half.after.scalar_type(), at::kFloat);
  }
}

TEST(SmoothedTargets, SpreadAPartOverAllClasses) {
  const at::Tensor y = at::tensor({0.0, 1.0, 0.0, 0.0}, at::kDouble).view({1, 4});
  EXPECT_TRUE(at::allclose(smoothed_targets(y, 0.2), at::tensor({0.05, 0.85, 0.05, 0.05}, at::kDouble).view({1, 4})));
}

TEST(SampledTargets, HaveGradientsWithTheCovarianceOfTheCurvature) {
  const at::Tensor f = at::tensor({0.3, -1.2, 0.8}, at::kDouble).view({1, 3});
  for (const Loss loss : {Loss::mse, Loss::mse_sum, Loss::cross_entropy, Loss::logistic}) {
    RandomStream random(5, RandomUse::sampled_labels, 0);
    at::Tensor mean = at::zeros({3}, at::kDouble), second = at::zeros({3, 3}, at::kDouble);
    constexpr int draws = 40'000;
    for (int i = 0; i < draws; ++i) {
      const at::Tensor g = loss_gradient(loss, f, sampled_targets(loss, f, random))[0];
      mean += g / draws;
      second += at::outer(g, g) / draws;
    }
    const at::Tensor units = at::eye(3, at::kDouble);
    for (std::int64_t c = 0; c < 3; ++c) {
      const at::Tensor column = loss_curvature(loss, f, at::ones({1, 3}, at::kDouble) / (loss == Loss::cross_entropy ? 3 : 1), units.narrow(0, c, 1))[0];
      EXPECT_LT((second[c] - column).abs().max().item<double>(), 0.03) << loss_names()[static_cast<std::size_t>(loss)];
    }
    EXPECT_LT(mean.abs().max().item<double>(), 0.03);
  }
}

}  // namespace
}  // namespace edgesweep
