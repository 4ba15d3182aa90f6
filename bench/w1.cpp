// W1 of docs/performance.md, our side: MLP 784-256-256-1, erf, MSE, 2560 random examples (lambda_max: 2500 of MNIST), one
// thread.
// usage: bench_w1 [--device cuda] SECTION…   prints one JSON object a section on a line; w1.py runs it beside PyTorch.
//        bench_w1 --trial FILE STEP   writes float32: the parameters after STEP steps of the trial of lambda_max, inputs, targets
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/sections.hpp"
#include "workers/data/sampler.hpp"
#include "workers/linalg/kernel_norm.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/mlp.hpp"

namespace edgesweep {
namespace {

using bench::device;
using bench::median_seconds;
using bench::seconds_now;

constexpr std::int64_t examples = 2560, features = 784;
constexpr double eta = 1e-3;

const Mlp& network() {
  static const Mlp mlp({.sizes = {features, 256, 256, 1}});
  return mlp;
}

/// Normal inputs and labels ±1: the arithmetic does not depend on the values.
Examples data() {
  at::manual_seed(1);
  const at::Tensor inputs = at::randn({examples, features}, at::kFloat);
  return {inputs.to(device()), at::randn({examples, 1}, at::kFloat).sign().to(device()), {}};
}

at::Tensor initial_parameters() { return network().initial_parameters(1).to(device()); }

/// Training steps a second by batch size, plain SGD.
Json training() {
  const Examples train = data();
  Json result;
  for (const std::int64_t batch : {1, 8, 32, 128, 512}) {
    at::Tensor theta = initial_parameters(), velocity = at::zeros_like(theta);
    const auto stepper = network().stepper(theta, velocity, train, {}, batch);
    const std::int64_t steps = std::max<std::int64_t>(20, 4000 / (batch + 1));
    std::int64_t next = 0;
    std::vector<std::int64_t> rows(static_cast<std::size_t>(batch));
    const double seconds = median_seconds(7, [&] {
      for (std::int64_t s = 0; s < steps; ++s) {
        for (auto& row : rows) row = (next += 997) % examples;
        stepper->step(rows, eta);
      }
    });
    result[std::to_string(batch)] = static_cast<double>(steps) / seconds;
  }
  return result;
}

/// Seconds of a gradient, of the Hessian operator's set-up and of one product with it, float32, full batch.
Json hessian_product() {
  const Examples train = data();
  const at::Tensor theta = initial_parameters(), v = at::randn_like(theta);
  const auto hessian = network().hessian(theta, train.inputs, train.targets, Loss::mse);
  return {{"gradient", median_seconds(5, [&] { network().gradient(theta, train.inputs, train.targets, Loss::mse); })},
          {"setup", median_seconds(5, [&] { network().hessian(theta, train.inputs, train.targets, Loss::mse); })},
          {"product", median_seconds(5, [&] { hessian->apply(v); })}};
}

/// Seconds of the 2560 × 2560 NTK.
Json ntk() {
  const Examples train = data();
  Json result;
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const at::Tensor theta = initial_parameters().to(type), inputs = train.inputs.to(type);
    result[at::toString(type)] = median_seconds(3, [&] { network().ntk(theta, inputs); });
  }
  return result;
}

/// A line of /proc/self/status that is in kB, in bytes.
double memory(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return 1024 * std::stod(line.substr(key.size() + 1));
  }
  return std::nan("");
}

/// Seconds of a K record in float64 and its parts, K, and the peak of memory above that before, in D² doubles.
Json kernel_norm() {
  const Examples train = data();
  const at::Tensor theta = initial_parameters().to(at::kDouble), inputs = train.inputs.to(at::kDouble);
  const KernelNormSettings settings{.eta = eta, .batch = 8};
  constexpr int repeats = 3;
  std::vector<double> ntk_seconds, eigenvector_seconds, norm_seconds, total_seconds;
  double peak = 0, norm = 0;
  for (int r = 0; r <= repeats; ++r) {
    const double base = memory("VmRSS");
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts anew
    const double start = seconds_now();
    at::Tensor theta_hat = network().ntk(theta, inputs);
    const double has_ntk = seconds_now();
    const NtkSpectrum spectrum = ntk_spectrum(std::move(theta_hat), 1);
    const double has_spectrum = seconds_now();
    norm = kernel_norms(spectrum, settings).K;
    const double end = seconds_now();
    peak = std::max(peak, memory("VmHWM") - base);
    if (r == 0) continue;  // to warm up
    ntk_seconds.push_back(has_ntk - start);
    eigenvector_seconds.push_back(has_spectrum - has_ntk);
    norm_seconds.push_back(end - has_spectrum);
    total_seconds.push_back(end - start);
  }
  const auto median = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  return {{"ntk", median(ntk_seconds)},
          {"eigenvectors", median(eigenvector_seconds)},
          {"norm", median(norm_seconds)},
          {"total", median(total_seconds)},
          {"value", norm},
          {"peak_D2_doubles", peak / (8.0 * examples * examples)}};
}

/// 2500 ZCA-whitened images of MNIST: a curvature is that of real data.
TrainTest mnist() {
  const DatasetFamily& family = dataset_family("mnist");
  const Json given = {
      {"name", "mnist"}, {"train", 2500}, {"test", 0}, {"target", "parity"}, {"preprocess", "zca"}};
  TrainTest data = family.load(family.canonical(ObjectReader(given, "bench", "dataset")), BENCH_DATA_DIRECTORY);
  data.train.inputs = data.train.inputs.to(device());
  data.train.targets = data.train.targets.to(device());
  return data;
}

/// The trial whose curvature lambda_max follows: B = 8, η = 0.02.
class Trial {
 public:
  const at::Tensor& parameters_after(std::int64_t steps) {
    for (; step_ < steps; ++step_) stepper_->step(sampler_->batch(step_), kEta);
    return theta_;
  }
  const Examples& train() const { return data_.train; }
  MeasurementContext context() const { return {network(), theta_, data_, step_, kEta, kBatch, {}, 1}; }

 private:
  static constexpr double kEta = 0.02;
  static constexpr std::int64_t kBatch = 8;

  TrainTest data_ = mnist();
  at::Tensor theta_ = initial_parameters().clone();
  at::Tensor velocity_ = at::zeros_like(theta_);
  std::unique_ptr<SgdStepper> stepper_ = network().stepper(theta_, velocity_, data_.train, {}, kBatch);
  std::unique_ptr<Sampler> sampler_ = make_sampler("epoch", 1, data_.train.count(), kBatch);
  std::int64_t step_ = 0;
};

/// λ_max to 1e-3 by the measurement `hessian` at 20 log-spaced records: products and seconds of the first and of the one
/// after 115 steps, which starts from the one after 74; and the products of all warm ones.
Json lambda_max() {
  const MeasurementFamily& family = measurement_family("hessian");
  const auto hessian = family.make(family.canonical(ObjectReader(Json::object(), "bench", "hessian"), Json::object()));
  Trial trial;
  Json result;
  double products = 0, most = 0;
  int warm = 0;
  for (const std::int64_t step : {0, 1, 2, 4, 6, 9, 13, 20, 31, 48, 74, 115, 176, 271, 417, 642, 988, 1520, 2340, 3600}) {
    trial.parameters_after(step);
    std::vector<double> out(3);  // value, residual, products
    const double start = seconds_now();
    hessian->measure(trial.context(), out);
    const double seconds = seconds_now() - start;
    if (step == 0 || step == 115) {
      const std::string name = step == 0 ? "cold_" : "warm_";
      result[name + "products"] = out[2];
      result[name + "seconds"] = seconds;
      result[name + "value"] = out[0];
    }
    if (step == 0) continue;
    ++warm;
    products += out[2];
    most = std::max(most, out[2]);
  }
  result["warm_products_mean"] = products / warm;
  result["warm_products_most"] = most;
  return result;
}

void write_trial(const std::string& file, std::int64_t step) {
  Trial trial;
  std::ofstream out(file, std::ios::binary);
  for (const at::Tensor& values : {trial.parameters_after(step).cpu(), trial.train().inputs.cpu(), trial.train().targets.cpu()}) {
    out.write(static_cast<const char*>(values.data_ptr()), static_cast<std::streamsize>(values.nbytes()));
  }
}

const std::map<std::string, std::function<Json()>> sections{
    {"training", training},       {"hessian_product", hessian_product}, {"ntk", ntk},
    {"kernel_norm", kernel_norm}, {"lambda_max", lambda_max}};

int run(const std::vector<std::string>& names) {
  if (names.size() == 3 && names[0] == "--trial") {
    bench::one_thread();
    write_trial(names[1], std::stoll(names[2]));
    return 0;
  }
  return bench::run_sections(sections, names);
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  return edgesweep::run({argv + 1, argv + argc});
}
