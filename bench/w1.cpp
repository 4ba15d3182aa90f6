// W1 of docs/performance.md, our side: MLP 784-256-256-1, erf, MSE, 2560 examples, one thread.
// usage: bench_w1 SECTION…   prints one JSON object a section on a line; w1.py runs it beside PyTorch.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <cblas.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>

#include "workers/models/mlp.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t examples = 2560, features = 784;
constexpr double eta = 1e-3;

/// Processor time of this thread: with one thread it is the wall time of an idle machine, also on a busy one.
double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Median seconds of a call, after one to warm up.
double median_seconds(int repeats, const std::function<void()>& call) {
  call();
  std::vector<double> times;
  for (int r = 0; r < repeats; ++r) {
    const double start = seconds_now();
    call();
    times.push_back(seconds_now() - start);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

const Mlp& network() {
  static const Mlp mlp({.sizes = {features, 256, 256, 1}});
  return mlp;
}

/// Normal inputs and labels ±1: the arithmetic does not depend on the values.
Examples data() {
  at::manual_seed(1);
  return {at::randn({examples, features}, at::kFloat), at::randn({examples, 1}, at::kFloat).sign(), {}};
}

/// Training steps a second by batch size, plain SGD.
Json training() {
  const Examples train = data();
  Json result;
  for (const std::int64_t batch : {1, 8, 32, 128, 512}) {
    at::Tensor theta = network().initial_parameters(1), velocity = at::zeros_like(theta);
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
  const at::Tensor theta = network().initial_parameters(1), v = at::randn_like(theta);
  const auto hessian = network().hessian(theta, train.inputs, train.targets);
  return {{"gradient", median_seconds(5, [&] { network().gradient(theta, train.inputs, train.targets); })},
          {"setup", median_seconds(5, [&] { network().hessian(theta, train.inputs, train.targets); })},
          {"product", median_seconds(5, [&] { hessian->apply(v); })}};
}

/// Seconds of the 2560 × 2560 NTK.
Json ntk() {
  const Examples train = data();
  Json result;
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const at::Tensor theta = network().initial_parameters(1).to(type), inputs = train.inputs.to(type);
    result[at::toString(type)] = median_seconds(3, [&] { network().ntk(theta, inputs); });
  }
  return result;
}

const std::map<std::string, std::function<Json()>> sections{
    {"training", training}, {"hessian_product", hessian_product}, {"ntk", ntk}};

int run(const std::vector<std::string>& names) {
  at::set_num_threads(1);
  openblas_set_num_threads(1);
  for (const std::string& name : names) {
    const auto section = sections.find(name);
    if (section == sections.end()) {
      std::cerr << "bench_w1: no section " << name << "; there are training, hessian_product, ntk\n";
      return 2;
    }
    std::cout << Json{{"section", name}, {"result", section->second()}}.dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  return edgesweep::run({argv + 1, argv + argc});
}
