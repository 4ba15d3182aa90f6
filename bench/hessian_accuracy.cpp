// The error of lambda_max at every record of a trial, against converged Lanczos in float64, and the products it took.
// usage: bench_hessian_accuracy DATA_DIRECTORY BATCH ETA STEPS
// MLP 784-256-256-1, erf, 2500 ZCA-whitened MNIST images, 20 log-spaced records; prints a line a record and a summary.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "workers/data/dataset.hpp"
#include "workers/data/sampler.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/mlp.hpp"

namespace edgesweep {
namespace {

TrainTest load(const std::string& directory) {
  const DatasetFamily& mnist = dataset_family("mnist");
  const Json given = {{"name", "mnist"}, {"train", 2500}, {"test", 0}, {"target", "parity"}, {"preprocess", "zca"}};
  return mnist.load(mnist.canonical(ObjectReader(given, "bench", "dataset")), directory);
}

std::vector<std::int64_t> record_steps(std::int64_t last) {
  constexpr int kRecords = 20;
  std::vector<std::int64_t> steps{0};
  for (int i = 0; i < kRecords; ++i) {
    const auto step = std::llround(std::pow(static_cast<double>(last), i / (kRecords - 1.0)));
    if (step > steps.back()) steps.push_back(step);
  }
  return steps;
}

/// Plain Lanczos with full reorthogonalisation in float64, from a random vector: nothing is shared with the measurement
/// but the products. Goes on until the residual is below 1e-4 of the value, so that the error, at most
/// residual² / gap, is far below the tolerance.
double reference_lambda_max(SymmetricOperator& op) {
  constexpr std::int64_t kCapacity = 150;
  const std::int64_t size = op.size();
  const at::Tensor basis = at::empty({kCapacity, size}, at::kDouble);
  std::vector<double> diagonal, side;
  at::Tensor next = at::randn({size}, at::kDouble);
  next /= next.norm();
  double value = std::nan("");
  for (std::int64_t n = 1; n <= kCapacity; ++n) {
    basis[n - 1].copy_(next);
    at::Tensor w = op.apply(basis[n - 1]);
    diagonal.push_back(w.dot(next).item<double>());
    const at::Tensor known = basis.narrow(0, 0, n);
    for (int pass = 0; pass < 2; ++pass) w = w - known.t().mv(known.mv(w));
    const double beta = w.norm().item<double>();
    at::Tensor t = at::diag(at::tensor(diagonal, at::kDouble));
    if (n > 1) t = t + at::diag(at::tensor(side, at::kDouble), 1) + at::diag(at::tensor(side, at::kDouble), -1);
    const auto [values, vectors] = at::linalg_eigh(t);
    value = values[-1].item<double>();
    const double residual = beta * std::abs(vectors[-1][-1].item<double>());
    if (residual <= 1e-4 * std::abs(value)) break;
    side.push_back(beta);
    next = w / beta;
  }
  return value;
}

int run(const std::string& directory, std::int64_t batch, double eta, std::int64_t steps) {
  at::set_num_threads(1);
  openblas_set_num_threads(1);
  at::manual_seed(1);
  const TrainTest data = load(directory);
  const Mlp mlp({.sizes = {784, 256, 256, 1}});
  at::Tensor theta = mlp.initial_parameters(1).clone(), velocity = at::zeros_like(theta);
  const auto stepper = mlp.stepper(theta, velocity, data.train, {}, batch);
  const auto sampler = make_sampler("epoch", 7, data.train.count(), batch);
  const MeasurementFamily& family = measurement_family("hessian");
  const auto hessian = family.make(family.canonical(ObjectReader(Json::object(), "bench", "hessian"), Json::object()));
  const at::Tensor inputs = data.train.inputs.to(at::kDouble), targets = data.train.targets.to(at::kDouble);

  std::int64_t step = 0, warm = 0, over = 0;
  double worst = 0, products = 0, most = 0;
  for (const std::int64_t record : record_steps(steps)) {
    double loss = 0;
    for (; step < record; ++step) loss = stepper->step(sampler->batch(step), eta);
    if (!(loss < 100)) {
      std::printf("diverged before step %lld\n", static_cast<long long>(record));
      break;
    }
    std::vector<double> out(3);
    hessian->measure({mlp, theta, data, step, eta, batch, {}, 7}, out);
    const double exact = reference_lambda_max(*mlp.hessian(theta.to(at::kDouble), inputs, targets, Loss::mse));
    const double error = std::abs(out[0] - exact) / std::abs(exact);
    std::printf("step %6lld  lambda_max %9.5f  eta lambda_max %.3f  products %3.0f  relative error %.1e\n",
                static_cast<long long>(record), exact, eta * exact, out[2], error);
    std::fflush(stdout);
    worst = std::max(worst, error);
    if (record == 0) continue;
    ++warm;
    products += out[2];
    most = std::max(most, out[2]);
    over += out[2] > 8;
  }
  std::printf("largest error %.1e; warm records: %lld, mean %.2f products, most %.0f, above 8: %lld\n", worst,
              static_cast<long long>(warm), products / static_cast<double>(warm), most, static_cast<long long>(over));
  return worst <= 1e-3 ? 0 : 1;
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: bench_hessian_accuracy DATA_DIRECTORY BATCH ETA STEPS\n");
    return 2;
  }
  return edgesweep::run(argv[1], std::stoll(argv[2]), std::stod(argv[3]), std::stoll(argv[4]));
}
