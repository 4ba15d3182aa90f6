// Sums over chunks of examples are those of one pass: outputs, gradients and products with curvatures of every family of
// networks, in float64 to 1e-12 and in float32 to 2e-6 (g·Hg, whose terms cancel, to 1e-5).
#include "workers/models/chunks.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "tests/workers/models/any_model.hpp"
#include "tests/workers/models/networks.hpp"

namespace edgesweep {
namespace {

using namespace testing;

constexpr std::int64_t examples = 15;

const std::vector<Small> small_networks_of_all_families{
    {R"({"name": "mlp", "hidden": [9, 8], "activation": "tanh"})", {11}, 3},
    {R"({"name": "mlp", "hidden": [9, 8, 7], "activation": "gelu", "init": "ntk", "bias": false})", {11}, 2},
    {R"({"name": "mlp", "hidden": [], "bias": true})", {11}, 1},
    {R"({"name": "cnn", "activation": "tanh", "pool": "average"})", {3, 8, 8}, 3},
    {R"({"name": "resnet", "depth": 8, "norm": "group", "groups": 4, "activation": "gelu"})", {3, 8, 8}, 3},
    {R"({"name": "resnet", "depth": 8, "norm": "none", "activation": "tanh"})", {3, 6, 6}, 2},
    {R"({"name": "mixer", "patch": 2, "width": 6, "blocks": 2, "token_hidden": 5, "channel_hidden": 7})", {3, 6, 4}, 3}};

std::unique_ptr<Model> chunked(const Small& small, std::int64_t chunk) {
  Json json = Json::parse(small.model);
  json["chunk"] = chunk;
  const std::string text = json.dump();
  return make_model({text.c_str(), small.input_shape, small.outputs});
}

TEST(Chunks, CoverAllRowsInOrderWithTheirShares) {
  for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{7}, examples, std::numeric_limits<std::int64_t>::max()}) {
    std::int64_t next = 0;
    double shares = 0;
    for_each_chunk(examples, chunk, [&](std::int64_t first, std::int64_t rows, double share) {
      EXPECT_EQ(first, next);
      EXPECT_LE(rows, chunk);
      EXPECT_DOUBLE_EQ(share, static_cast<double>(rows) / examples);
      next += rows;
      shares += share;
    });
    EXPECT_EQ(next, examples);
    EXPECT_NEAR(shares, 1, 1e-15);
  }
}

TEST(Chunks, OfAnySizeGiveTheSameOutputsGradientsAndCurvatures) {
  for (const Small& small : small_networks_of_all_families) {
    const auto whole = make_model(small);
    const at::Tensor theta64 = random_parameters(*whole, 8), x64 = random_inputs(small, examples, 1);
    at::manual_seed(3);
    const at::Tensor v64 = at::randn_like(theta64);
    for (const Loss loss : losses_for(small)) {
      const bool is_image = small.input_shape.size() > 1;
      if (is_image && loss != Loss::mse && loss != Loss::cross_entropy) continue;  // they take their time
      const at::Tensor y64 = random_targets(loss, examples, small.outputs, 2);
      for (const auto dtype : {at::kDouble, at::kFloat}) {
        const double tolerance = dtype == at::kDouble ? 1e-12 : 4e-6;
        const at::Tensor theta = theta64.to(dtype), x = x64.to(dtype), y = y64.to(dtype), v = v64.to(dtype);
        for (const std::int64_t chunk : {std::int64_t{1}, std::int64_t{7}, examples}) {
          const auto model = chunked(small, chunk);
          ASSERT_EQ(model->chunk_rows(), chunk);
          const auto same = [&](const at::Tensor& mine, const at::Tensor& theirs, const std::string& what) {
            EXPECT_LT(relative_error(mine, theirs), what == "gHg" ? 5 * tolerance : tolerance) << small.model << ", " << what << ", chunk " << chunk;
          };
          std::vector<at::Tensor> outputs;
          for_each_chunk(examples, chunk, [&](std::int64_t first, std::int64_t rows, double) {
            outputs.push_back(model->forward(theta, x.narrow(0, first, rows)));
          });
          same(at::cat(outputs), whole->forward(theta, x), "outputs");
          same(model->gradient(theta, x, y, loss), whole->gradient(theta, x, y, loss), "gradient");
          same(model->gradient_curvatures(theta, x, y, 5, loss), whole->gradient_curvatures(theta, x, y, 5, loss), "gHg");
          same(model->gauss_newton(theta, x, y, loss)->apply(v), whole->gauss_newton(theta, x, y, loss)->apply(v), "Gv");
          if (whole->parameter_count() == small.input_shape[0] * small.outputs + small.outputs) continue;  // below
          same(model->hessian(theta, x, y, loss)->apply(v), whole->hessian(theta, x, y, loss)->apply(v), "Hv");
        }
      }
    }
  }
}

TEST(Chunks, OfALinearModelGiveTheSameHessian) {
  const Small small = small_networks_of_all_families[2];
  const auto whole = make_model(small), model = chunked(small, 4);
  const at::Tensor theta = random_parameters(*whole, 8), x = random_inputs(small, examples, 1);
  const at::Tensor y = random_targets(Loss::mse, examples, small.outputs, 2), v = at::randn_like(theta);
  const at::Tensor expected = whole->hessian(theta, x, y, Loss::mse)->apply(v);
  EXPECT_LT(relative_error(model->hessian(theta, x, y, Loss::mse)->apply(v), expected), 1e-12);
  const at::Tensor augmented = at::cat({x, at::ones({examples, 1}, at::kDouble)}, 1);  // weights, then the bias
  EXPECT_LT(relative_error(expected, at::mv(augmented.t(), at::mv(augmented, v)) / static_cast<double>(examples)), 1e-12);
}

TEST(Chunks, OfAnMlpAreWrittenOnlyWhereGiven) {
  const ModelFamily& family = model_family("mlp");
  const auto canonical = [&](const char* text) {
    const Json json = Json::parse(text);
    return family.canonical(ObjectReader(json, "sweep.json", "experiment.model"));
  };
  EXPECT_FALSE(canonical(R"({"name": "mlp", "hidden": [4], "activation": "tanh"})").contains("chunk"));
  const Json given = canonical(R"({"name": "mlp", "hidden": [4], "activation": "tanh", "chunk": 1000})");
  EXPECT_EQ(given.at("chunk"), 1000);
  EXPECT_EQ(family.canonical(ObjectReader(given, "sweep.json", "experiment.model")), given);
  EXPECT_THROW(canonical(R"({"name": "mlp", "hidden": [4], "activation": "tanh", "chunk": 0})"), InputError);
}

}  // namespace
}  // namespace edgesweep
