#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <string>
#include <vector>

#include "workers/measurements/measurement.hpp"
#include "workers/models/mlp.hpp"

// A small network in the middle of its training, and what measurements are compared with.
namespace edgesweep::testing {

struct Case {
  std::unique_ptr<Mlp> model;
  at::Tensor theta;
  TrainTest data;
  SgdOptions optimizer = {};
  std::int64_t batch = 3;
  std::int64_t step = 0;

  MeasurementContext context() const { return {*model, theta, data, step, 0.2, batch, optimizer, 42}; }
};

inline Examples random_examples(std::int64_t count, std::int64_t outputs) {
  return {at::randn({count, 5}), at::randn({count, outputs}).sign_(), {}};
}

inline Case small_case(std::int64_t outputs, std::int64_t test_count = 4) {
  at::manual_seed(1);
  Mlp::Settings settings;
  settings.sizes = {5, 7, outputs};
  settings.activation = Activation::tanh;
  Case result{std::make_unique<Mlp>(settings), {}, {random_examples(12, outputs), random_examples(test_count, outputs)}, {}};
  result.theta = result.model->initial_parameters(3);
  return result;
}

inline std::vector<double> measure(Measurement& measurement, const Case& test, std::size_t columns) {
  std::vector<double> out(columns, -1);
  measurement.measure(test.context(), out);
  return out;
}

inline Json experiment_of(std::int64_t train, const std::string& loss = "mse") {
  return {{"dataset", {{"name", "mnist"}, {"train", train}, {"target", "parity"}}}, {"model", {{"name", "mlp"}}}, {"loss", loss}};
}

inline Json canonical(const std::string& name, const Json& given, std::int64_t train = 2500) {
  const Json experiment = experiment_of(train);
  return measurement_family(name).canonical(ObjectReader(given, "s.json", "measure." + name), experiment);
}

inline std::unique_ptr<Measurement> make(const std::string& name, const Json& given) {
  return measurement_family(name).make(canonical(name, given));
}

/// ∂f/∂θ by central differences in float64, (N·C) × P; error about 1e-10.
inline at::Tensor numeric_jacobian(const Case& test) {
  const at::Tensor theta = test.theta.to(at::kDouble);
  const at::Tensor x = test.data.train.inputs.to(at::kDouble);
  constexpr double kStep = 1e-5;
  std::vector<at::Tensor> columns;
  for (std::int64_t p = 0; p < theta.size(0); ++p) {
    const at::Tensor shift = at::zeros_like(theta);
    shift[p] = kStep;
    columns.push_back((test.model->forward(theta + shift, x) - test.model->forward(theta - shift, x)).flatten() /
                      (2 * kStep));
  }
  return at::stack(columns, 1);
}

/// ∇²L by central differences of the gradient, P × P.
inline at::Tensor numeric_hessian(const Case& test) {
  const at::Tensor theta = test.theta.to(at::kDouble);
  const at::Tensor x = test.data.train.inputs.to(at::kDouble);
  const at::Tensor y = test.data.train.targets.to(at::kDouble);
  constexpr double kStep = 1e-5;
  std::vector<at::Tensor> rows;
  for (std::int64_t p = 0; p < theta.size(0); ++p) {
    const at::Tensor shift = at::zeros_like(theta);
    shift[p] = kStep;
    rows.push_back((test.model->gradient(theta + shift, x, y, test.optimizer.loss) - test.model->gradient(theta - shift, x, y, test.optimizer.loss)) /
                   (2 * kStep));
  }
  const at::Tensor matrix = at::stack(rows);
  return (matrix + matrix.t()) / 2;
}

/// ∇²L of the given examples by autograd, P × P.
inline at::Tensor dense_hessian(const Case& test, const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor theta = test.theta.to(at::kDouble).requires_grad_(true);
  const at::Tensor value = loss_value(test.optimizer.loss, test.model->forward(theta, x), y);
  const at::Tensor g = torch::autograd::grad({value}, {theta}, {}, true, true)[0];
  std::vector<at::Tensor> rows;
  for (std::int64_t p = 0; p < g.size(0); ++p) rows.push_back(torch::autograd::grad({g[p]}, {theta}, {}, true)[0]);
  return at::stack(rows);
}

/// ∇L of the given examples by autograd.
inline at::Tensor dense_gradient(const Case& test, const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor theta = test.theta.to(at::kDouble).requires_grad_(true);
  return torch::autograd::grad({loss_value(test.optimizer.loss, test.model->forward(theta, x), y)}, {theta})[0];
}

}  // namespace edgesweep::testing
