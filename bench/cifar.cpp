// Deep networks on images of CIFAR-10's size, our side of cifar.py, one thread. Random images: the arithmetic does not depend
// on them.
// usage: bench_cifar [--device cuda] SECTION…
#include <ATen/ATen.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/sections.hpp"
#include "workers/measurements/measurement.hpp"
#include "workers/models/model.hpp"

namespace edgesweep {
namespace {

using bench::device;
using bench::median_seconds;
using bench::seconds_now;

std::unique_ptr<Model> model(const Json& given) {
  const ModelFamily& family = model_family(given.at("name").get<std::string>());
  return family.make(family.canonical(ObjectReader(given, "bench", "model")), {3, 32, 32}, 10);
}

Examples images(std::int64_t count) {
  at::manual_seed(1);
  const at::Tensor labels = at::arange(count).remainder(10);
  return {at::randn({count, 3072}, at::kFloat).to(device()), at::one_hot(labels, 10).to(device(), at::kFloat), labels.to(device())};
}

at::Tensor start(const Model& model) { return model.initial_parameters(1).to(device()); }

std::unique_ptr<Measurement> measurement(const std::string& name, const Json& given) {
  const Json experiment = {{"loss", "mse"}, {"model", {{"norm", "layer"}}}};
  const MeasurementFamily& family = measurement_family(name);
  return family.make(family.canonical(ObjectReader(given, "bench", name), experiment));
}

const Json resnet18 = {{"name", "resnet"}, {"depth", 18}, {"norm", "group"}, {"groups", 1}};

/// Images a second of SGD with momentum.
Json training() {
  const auto network = model(resnet18);
  const Examples train = images(64);
  at::Tensor theta = start(*network), velocity = at::zeros_like(theta);
  const auto stepper = network->stepper(theta, velocity, train, {0.9, 5e-4}, 32);
  std::vector<std::int64_t> rows(32);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(2 * i);
  return {{"resnet18_B32", 32 / median_seconds(3, [&] { stepper->step(rows, 1e-3); })}};
}

/// Seconds of a Hessian-vector product over 32 images, the first pass included.
Json hessian_product() {
  const auto network = model(resnet18);
  const Examples train = images(32);
  const at::Tensor theta = start(*network), v = at::randn_like(theta);
  const auto product = [&] { network->hessian(theta, train.inputs, train.targets, Loss::mse)->apply(v); };
  return {{"resnet18_32", median_seconds(3, product)}};
}

/// The sanity case of the stochastic edge of stability: MLP 2 × 512, 64 images, B = 4, 1000 draws.
Json batch_sharpness() {
  const auto network = model({{"name", "mlp"}, {"hidden", {512, 512}}, {"activation", "relu"}, {"init", "kaiming"}});
  const TrainTest data{images(64), images(0)};
  const at::Tensor theta = start(*network);
  SgdOptions options;
  options.loss = Loss::mse_sum;
  const MeasurementContext context{*network, theta, data, 0, 0.01, 4, options, 1};
  const auto sharpness = measurement("batch_sharpness", {{"draws", 1000}, {"tolerance", 0}});
  std::vector<double> out(4);
  return {{"seconds", median_seconds(3, [&] { sharpness->measure(context, out); })}, {"value", out[0]}};
}

/// Seconds of the exact trace of the NTK of ResNet-18 over 16 images.
Json ntk_trace() {
  const auto network = model(resnet18);
  const TrainTest data{images(16), images(0)};
  const at::Tensor theta = start(*network);
  const MeasurementContext context{*network, theta, data, 0, 0.01, 4, {}, 1};
  const auto trace = measurement("kernel_trace", Json::object());
  std::vector<double> out(4);
  return {{"resnet18_16", median_seconds(1, [&] { trace->measure(context, out); })}};
}

/// Seconds of λ_max of the CNN with 5 layers over 256 images to 1e-3: from nothing, and after 20 more steps of SGD. From weights of
/// 0.3 times their usual size, as in the EoSS paper's runs: from the usual size the first steps at this η diverge.
Json lambda_max() {
  const auto network = model({{"name", "cnn"}, {"layers", 5}, {"init_scale", 0.3}});
  const TrainTest data{images(256), images(0)};
  at::Tensor theta = start(*network).clone(), velocity = at::zeros_like(theta);
  const auto stepper = network->stepper(theta, velocity, data.train, {}, 16);
  std::int64_t step = 0;
  const auto train = [&](int steps) {
    for (int s = 0; s < steps; ++s, ++step) {
      std::vector<std::int64_t> rows(16);
      for (std::int64_t i = 0; i < 16; ++i) rows[static_cast<std::size_t>(i)] = (step * 16 + i) % 256;
      stepper->step(rows, 1e-3);
    }
  };
  train(100);
  const auto hessian = measurement("hessian", Json::object());
  Json result;
  std::vector<double> out(3);
  for (const char* name : {"cold", "warm"}) {
    const MeasurementContext context{*network, theta, data, step, 0.01, 16, {}, 1};
    const double before = seconds_now();
    hessian->measure(context, out);
    result[std::string(name) + "_seconds"] = seconds_now() - before;
    result[std::string(name) + "_products"] = out[2];
    result[std::string(name) + "_value"] = out[0];
    train(20);
  }
  return result;
}

/// Resident memory of this process in MB (1e6 bytes).
double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// Resident memory before and after 1000 Hessian-vector products of the CNN with 2 layers over 64 images, in one pass, whose
/// graph is kept, and in two, which are made again for every product; and the largest seen on the way. A gradient that stayed
/// behind after every product would be 123 MB in the end.
Json hessian_memory() {
  Json result;
  for (const std::int64_t chunk : {64, 32}) {
    const auto network = model({{"name", "cnn"}, {"layers", 2}, {"chunk", chunk}});
    const Examples train = images(64);
    const at::Tensor theta = start(*network);
    at::Tensor v = at::randn_like(theta);
    const auto hessian = network->hessian(theta, train.inputs, train.targets, Loss::mse);
    const auto products = [&](int count) {
      for (int i = 0; i < count; ++i) {
        v = hessian->apply(v);
        v = v / v.norm();
      }
    };
    products(20);
    const double before = resident_megabytes();
    double most = before;
    for (int round = 0; round < 10; ++round) {
      products(100);
      most = std::max(most, resident_megabytes());
    }
    result[chunk == 64 ? "one_pass" : "two_passes"] = {
        {"before_MB", before}, {"after_MB", resident_megabytes()}, {"most_MB", most}};
  }
  return result;
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  using namespace edgesweep;
  return bench::run_sections({{"training", training},
                              {"hessian_product", hessian_product},
                              {"batch_sharpness", batch_sharpness},
                              {"ntk_trace", ntk_trace},
                              {"lambda_max", lambda_max},
                              {"hessian_memory", hessian_memory}},
                             {argv + 1, argv + argc});
}
