// Every family of models: outputs, gradients, curvatures, kernels and steps of SGD.
#include <functional>
#include <vector>

#include "tests/gpu/gpu_test.hpp"
#include "tests/workers/models/any_model.hpp"
#include "tests/workers/models/thread_team.hpp"
#include "workers/models/gradient_exchange.hpp"

namespace edgesweep {
namespace {

using namespace testing;

const std::vector<Small> networks = {
    {R"({"name": "mlp", "hidden": [7], "activation": "erf"})", {5}, 1},
    {R"({"name": "mlp", "hidden": [9, 6], "activation": "gelu", "chunk": 4})", {5}, 3},
    {R"({"name": "cnn", "layers": 2, "activation": "tanh", "pool": "average"})", {1, 8, 8}, 2},
    {R"({"name": "cnn", "layers": 5, "activation": "gelu", "pool": "average"})", {3, 32, 32}, 2},
    {R"({"name": "resnet", "depth": 8, "norm": "batch", "activation": "gelu"})", {1, 4, 4}, 2},
    {R"({"name": "resnet", "depth": 8, "norm": "layer", "activation": "gelu"})", {3, 8, 8}, 2},
    {R"({"name": "resnet", "depth": 8, "norm": "group", "groups": 4, "shortcut": "projection", "activation": "tanh"})", {3, 6, 5}, 2},
    {R"({"name": "mixer", "patch": 2, "width": 6, "blocks": 2, "token_hidden": 5, "channel_hidden": 7})", {3, 6, 4}, 2},
    {R"({"name": "vit", "patch": 2, "width": 6, "blocks": 2, "heads": 2, "mlp_hidden": 7})", {3, 6, 4}, 2},
    {R"({"name": "diagonal_linear"})", {6}, 1},
    {R"({"name": "matrix_completion"})", {4}, 1},
};

class ModelsOnGpu : public OnGpu<::testing::TestWithParam<Small>> {
 protected:
  static constexpr std::int64_t examples = 12;

  ModelsOnGpu() {
    at::manual_seed(4);
    direction_ = at::randn({theta_.size(0)}, at::kDouble);
  }

  /// `compute` of θ, inputs, targets and a direction on both devices, in float64.
  void expect_the_same(Loss loss, const std::function<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&)>& compute) {
    const at::Tensor y = random_targets(loss, examples, GetParam().outputs, 6);
    const at::Tensor there = compute(on_gpu(theta_), on_gpu(x_), on_gpu(y), on_gpu(direction_));
    EXPECT_LE(difference(there, compute(theta_, x_, y, direction_)), 1e-10) << "loss " << static_cast<int>(loss);
  }

  const std::unique_ptr<Model> model_ = make_model(GetParam());
  const at::Tensor theta_ = random_parameters(*model_, 3);
  const at::Tensor x_ = random_inputs(GetParam(), examples, 5);
  at::Tensor direction_;
};

TEST_P(ModelsOnGpu, Predict) {
  expect_the_same(Loss::mse, [&](const auto& theta, const auto& x, const auto&, const auto&) { return model_->predict(theta, x); });
}

TEST_P(ModelsOnGpu, HaveTheirLossAndGradient) {
  for (const Loss loss : losses_for(GetParam())) {
    expect_the_same(loss, [&](const auto& theta, const auto& x, const auto& y, const auto&) { return model_->gradient(theta, x, y, loss); });
    expect_the_same(loss, [&](const auto& theta, const auto& x, const auto& y, const auto&) {
      return at::scalar_tensor(model_->loss_and_gradient(theta, x, y, loss).loss, at::kDouble);
    });
  }
}

/// While later parts are computed, earlier ones are on their way through the host.
TEST_P(ModelsOnGpu, AddUpTheirGradientsOverATeam) {
  for (const std::int64_t least : {std::int64_t{1}, GradientExchange::usual_bucket}) {
    expect_the_same(Loss::mse, [&](const auto& theta, const auto& x, const auto& y, const auto&) {
      at::Tensor sum;
      ThreadTeam(2).run([&](Team& team) {
        GradientExchange exchange(team, model_->parameters(), 0.5, theta, least);
        model_->tell_loss_and_gradient(theta, x, y, Loss::mse, exchange);
        const LossGradient mine = exchange.sum();
        if (team.rank() == 0) sum = mine.gradient;
      });
      return sum;
    });
  }
}

TEST_P(ModelsOnGpu, HaveTheirHessianAndGaussNewtonProducts) {
  for (const Loss loss : losses_for(GetParam())) {
    expect_the_same(loss, [&](const auto& theta, const auto& x, const auto& y, const auto& v) {
      return model_->hessian(theta, x, y, loss)->apply(v);
    });
    expect_the_same(loss, [&](const auto& theta, const auto& x, const auto& y, const auto& v) {
      return model_->gauss_newton(theta, x, y, loss)->apply(v);
    });
  }
}

TEST_P(ModelsOnGpu, HaveTheCurvaturesOfTheirBatches) {
  expect_the_same(Loss::mse, [&](const auto& theta, const auto& x, const auto& y, const auto&) {
    return model_->gradient_curvatures(theta, x, y, 3, Loss::mse);
  });
}

TEST_P(ModelsOnGpu, HaveTheirKernels) {
  if (model_->mixes_examples()) GTEST_SKIP() << "has no kernels of single examples";
  expect_the_same(Loss::mse, [&](const auto& theta, const auto& x, const auto&, const auto&) { return model_->ntk(theta, x); });
  expect_the_same(Loss::mse, [&](const auto& theta, const auto& x, const auto&, const auto&) { return model_->example_kernels(theta, x); });
}

TEST_P(ModelsOnGpu, TakeTheStepsOfSgd) {
  for (const Loss loss : losses_for(GetParam())) {
    for (const std::int64_t batch : {1, 3, 8}) {
      if (model_->mixes_examples() && batch == 1) continue;  // one example's own statistics leave nothing to learn from
      for (const bool nesterov : {false, true}) {
        const SgdOptions options{.momentum = nesterov ? 0.5 : 0, .l2 = 1e-3, .nesterov = nesterov, .loss = loss};
        const auto theta_after = [&](at::Device device) {
          const Examples train{x_.to(device, at::kFloat), random_targets(loss, examples, GetParam().outputs, 6).to(device, at::kFloat), {}};
          at::Tensor theta = theta_.to(device, at::kFloat).clone(), velocity = at::zeros_like(theta);
          const auto stepper = model_->stepper(theta, velocity, train, options, batch);
          std::vector<std::int64_t> rows(static_cast<std::size_t>(batch));
          for (std::int64_t step = 0; step < 4; ++step) {
            for (std::int64_t i = 0; i < batch; ++i) rows[static_cast<std::size_t>(i)] = (5 * step + i) % examples;
            stepper->step(rows, 1e-3);
          }
          return theta;
        };
        const at::Tensor start = theta_.to(at::kFloat), here = theta_after(at::kCPU) - start, there = theta_after(at::kCUDA).cpu() - start;
        // Relative to the way gone; float32, whose rounding of θ itself is 6e-8 of it.
        EXPECT_LE((here - there).norm().item<double>(), 1e-3 * here.norm().item<double>() + 3e-7 * start.norm().item<double>())
            << "loss " << static_cast<int>(loss) << ", B " << batch;
        EXPECT_GT(here.norm().item<double>(), 0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, ModelsOnGpu, ::testing::ValuesIn(networks), [](const auto& test) {
  return Json::parse(test.param.model).at("name").template get<std::string>() + std::to_string(test.index);
});

}  // namespace
}  // namespace edgesweep
