#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "tests/workers/models/networks.hpp"
#include "workers/workers.hpp"

// What runs on a CUDA device is compared with what the same code gives on the CPU.
namespace edgesweep::testing {

/// A test that says it did not run where LibTorch sees no CUDA device.
template <class Base>
class OnGpu : public Base {
 protected:
  void SetUp() override {
    if (torch::cuda::device_count() == 0) GTEST_SKIP() << "no CUDA device";
    set_up_computing();
  }
};

inline at::Tensor on_gpu(const at::Tensor& t) { return t.to(at::kCUDA); }

/// relative_error of values on any two devices.
inline double difference(const at::Tensor& a, const at::Tensor& b) { return relative_error(a.cpu(), b.cpu()); }

}  // namespace edgesweep::testing
