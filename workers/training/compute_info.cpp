#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

#include "engine/base/clock.hpp"
#include "workers/workers.hpp"

namespace edgesweep {
namespace {

template <typename Function>
Function* loaded_function(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

/// Resolved path of the shared library that serves `symbol`, empty if none does.
std::string library_of(const char* symbol) {
  void* address = dlsym(RTLD_DEFAULT, symbol);
  Dl_info info{};
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fname == nullptr) return "";
  char* resolved = realpath(info.dli_fname, nullptr);
  const std::string path = resolved != nullptr ? resolved : info.dli_fname;
  std::free(resolved);
  return path;
}

std::string blas_name(const std::string& library) {
  for (const char* name : {"openblas", "mkl", "blis", "atlas"}) {
    if (library.find(name) != std::string::npos) return name;
  }
  if (at::hasMKL()) return "mkl";
  return library.empty() ? "unknown" : "reference";
}

/// Of a 1024 × 1024 product, the best of a tenth of a second, at least two.
double gflops(at::ScalarType type) {
  constexpr std::int64_t n = 1024;
  constexpr double tenth = 0.1;
  const at::Tensor a = at::full({n, n}, 0.5, type);
  const at::Tensor b = at::full({n, n}, 0.25, type);
  at::Tensor c = at::empty({n, n}, type);
  double best = std::numeric_limits<double>::infinity();
  const double start = monotonic_seconds();
  for (int i = 0; i < 2 || monotonic_seconds() - start < tenth; ++i) {
    const double before = monotonic_seconds();
    at::mm_out(c, a, b);
    best = std::min(best, monotonic_seconds() - before);
  }
  return 2.0 * n * n * n / best / 1e9;
}

Json blas_info(bool measure) {
  const std::string library = library_of("sgemm_");
  const std::string name = blas_name(library);
  auto* threads = loaded_function<int()>("openblas_get_num_threads");
  Json info = {{"name", name},
               {"library", library},
               {"threads", threads != nullptr ? threads() : at::get_num_threads()},
               {"is_reference", name == "reference"}};
  if (auto* config = loaded_function<char*()>("openblas_get_config")) info["config"] = config();
  if (measure) {
    info["gflops_float32"] = gflops(at::kFloat);
    info["gflops_float64"] = gflops(at::kDouble);
  }
  return info;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown CPU";
}

}  // namespace

void set_up_computing() {
  const char* wanted = std::getenv("OMP_NUM_THREADS");
  const int threads = std::max(1, wanted != nullptr ? std::atoi(wanted) : 1);
  at::set_num_threads(threads);
  if (auto* set = loaded_function<void(int)>("openblas_set_num_threads")) set(threads);
  at::Context& context = at::globalContext();
  context.setFlushDenormal(true);
  context.setAllowTF32CuBLAS(false);
  context.setAllowTF32CuDNN(false);
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);  // read when cuBLAS starts; its products then have the same bits in every run
}

Json compute_info(bool measure) {
  Json devices = Json::array();
  devices.push_back({{"name", "cpu"}, {"description", cpu_name()}});
  const auto gpus = static_cast<int>(torch::cuda::device_count());  // unsigned in LibTorch 1.13, signed later
  for (int i = 0; i < gpus; ++i) devices.push_back({{"name", "cuda:" + std::to_string(i)}});
  return {{"libtorch", TORCH_VERSION},
          {"threads", at::get_num_threads()},
          {"blas", blas_info(measure)},
          {"devices", devices}};
}

}  // namespace edgesweep
