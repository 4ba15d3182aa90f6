// The models of a few parameters and their Hessians in closed form.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>

#include "engine/base/error.hpp"
#include "tests/workers/models/networks.hpp"
#include "workers/data/dataset.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {
namespace {

using namespace testing;

std::unique_ptr<Model> make(const Json& given, std::int64_t features) {
  const ModelFamily& family = model_family(given.at("name").get<std::string>());
  return family.make(family.canonical(ObjectReader(given, "s.json", "experiment.model")), {features}, 1);
}

Examples unit_vectors(const Json& given) {
  const DatasetFamily& family = dataset_family("unit_vectors");
  Examples train = family.load(family.canonical(ObjectReader(given, "s.json", "experiment.dataset")), "").train;
  return {train.inputs.to(at::kDouble), train.targets.to(at::kDouble), {}};
}

at::Tensor dense(SymmetricOperator& op) {
  std::vector<at::Tensor> rows;
  for (std::int64_t p = 0; p < op.size(); ++p) rows.push_back(op.apply(at::eye(op.size(), at::kDouble)[p]));
  return at::stack(rows);
}

/// Of ½ (a b − y)² in (a, b).
at::Tensor hessian_of_product(double a, double b, double y) {
  return at::tensor({b * b, 2 * a * b - y, 2 * a * b - y, a * a}, at::kDouble).view({2, 2});
}

TEST(DiagonalLinear, HasItsHessianInClosedForm) {
  const auto model = make({{"name", "diagonal_linear"}}, 2);
  const Examples classes = unit_vectors({{"name", "unit_vectors"}, {"targets", {1, -1}}});
  const at::Tensor theta = at::tensor({0.7, -1.1, 1.9, 0.4}, at::kDouble);  // a, b
  const at::Tensor h = dense(*model->hessian(theta, classes.inputs, classes.targets, Loss::mse));
  at::Tensor expected = at::zeros({4, 4}, at::kDouble);
  for (std::int64_t k = 0; k < 2; ++k) {
    const at::Tensor block = hessian_of_product(theta[k].item<double>(), theta[k + 2].item<double>(), k == 0 ? 1 : -1) / 2;
    const std::int64_t place[] = {k, k + 2};
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) expected[place[i]][place[j]] = block[i][j];
  }
  EXPECT_LT((h - expected).abs().max().item<double>(), 1e-14);
}

// At convergence the Hessian of class k has the one eigenvalue λ_k = a_k² + b_k², and that of the full batch half of each:
// the mini-batches of one are twice as sharp along orthogonal directions.
TEST(DiagonalLinear, AtConvergenceIsTwiceAsSharpOnOneExampleAsOnBoth) {
  const auto model = make({{"name", "diagonal_linear"}}, 2);
  const Examples classes = unit_vectors({{"name", "unit_vectors"}, {"targets", {1, -1}}});
  const at::Tensor theta = at::tensor({2.0, 0.5, 0.5, -2.0}, at::kDouble);
  const auto spectrum = [&](std::int64_t first, std::int64_t count) {
    return at::linalg_eigvalsh(dense(*model->hessian(theta, classes.inputs.narrow(0, first, count),
                                                     classes.targets.narrow(0, first, count), Loss::mse)));
  };
  const double lambda = 4.25;
  EXPECT_LT((spectrum(0, 1) - at::tensor({0., 0., 0., lambda}, at::kDouble)).abs().max().item<double>(), 1e-12);
  EXPECT_LT((spectrum(1, 1) - at::tensor({0., 0., 0., lambda}, at::kDouble)).abs().max().item<double>(), 1e-12);
  EXPECT_LT((spectrum(0, 2) - at::tensor({0., 0., lambda / 2, lambda / 2}, at::kDouble)).abs().max().item<double>(), 1e-12);
}

TEST(MatrixCompletion, HasItsHessianInClosedForm) {
  const auto model = make({{"name", "matrix_completion"}}, 4);
  // The diagonal is known: entries 0 and 3. Two separate products.
  const Examples known = unit_vectors({{"name", "unit_vectors"}, {"size", 4}, {"indices", {0, 3}}, {"targets", {1, 2}}});
  const at::Tensor theta = at::tensor({0.7, -1.1, 1.9, 0.4}, at::kDouble);  // u, v
  const at::Tensor h = dense(*model->hessian(theta, known.inputs, known.targets, Loss::mse));
  at::Tensor expected = at::zeros({4, 4}, at::kDouble);
  for (std::int64_t k = 0; k < 2; ++k) {
    const at::Tensor block = hessian_of_product(theta[k].item<double>(), theta[k + 2].item<double>(), k == 0 ? 1 : 2) / 2;
    expected[k][k] = block[0][0];
    expected[k][k + 2] = expected[k + 2][k] = block[0][1];
    expected[k + 2][k + 2] = block[1][1];
  }
  EXPECT_LT((h - expected).abs().max().item<double>(), 1e-14);
}

TEST(MatrixCompletion, OfAVectorAndItselfHasItsHessianInClosedForm) {
  const auto model = make({{"name", "matrix_completion"}, {"tied", true}}, 4);
  EXPECT_EQ(model->parameter_count(), 2);
  const Examples all = unit_vectors({{"name", "unit_vectors"}, {"targets", {1, 2, 2, 4}}});
  const double a = 0.7, b = -1.3;
  const at::Tensor theta = at::tensor({a, b}, at::kDouble);
  // L = 1/8 [(a² − 1)² + 2 (ab − 2)² + (b² − 4)²]
  const at::Tensor expected = at::tensor({12 * a * a - 4 + 4 * b * b, 8 * a * b - 8, 8 * a * b - 8, 12 * b * b - 16 + 4 * a * a},
                                         at::kDouble).view({2, 2}) / 8;
  const at::Tensor h = dense(*model->hessian(theta, all.inputs, all.targets, Loss::mse));
  EXPECT_LT((h - expected).abs().max().item<double>(), 1e-13);
}

TEST(UnitVectors, RefuseNumbersThatDoNotFit) {
  EXPECT_THROW(unit_vectors({{"name", "unit_vectors"}, {"targets", Json::array()}}), InputError);
  EXPECT_THROW(unit_vectors({{"name", "unit_vectors"}, {"targets", {1, 2}}, {"size", 1}}), InputError);
  EXPECT_THROW(unit_vectors({{"name", "unit_vectors"}, {"targets", {1, 2}}, {"indices", {0}}}), InputError);
  EXPECT_THROW(unit_vectors({{"name", "unit_vectors"}, {"targets", {1, 2}}, {"indices", {0, 2}}}), InputError);
  EXPECT_THROW(make({{"name", "matrix_completion"}}, 3), InputError);
}

}  // namespace
}  // namespace edgesweep
