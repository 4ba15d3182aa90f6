#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "workers/workers.hpp"

namespace edgesweep {
namespace {

TEST(ComputeInfo, NamesLibraryBlasAndDevices) {
  const Json info = compute_info(false);
  EXPECT_FALSE(info.at("libtorch").get<std::string>().empty());
  EXPECT_FALSE(info.at("devices").empty());
  const Json& blas = info.at("blas");
  EXPECT_FALSE(blas.at("name").get<std::string>().empty());
  EXPECT_EQ(blas.at("is_reference").get<bool>(), blas.at("name") == "reference");
  EXPECT_GE(blas.at("threads").get<int>(), 1);
  EXPECT_FALSE(blas.contains("gflops_float32"));
}

// No core does a million GFLOP/s, and none that runs this less than a hundredth.
TEST(ComputeInfo, MeasuresGflops) {
  const Json blas = compute_info(true).at("blas");
  for (const char* key : {"gflops_float32", "gflops_float64"}) {
    EXPECT_GT(blas.at(key).get<double>(), 0.01) << key;
    EXPECT_LT(blas.at(key).get<double>(), 1e6) << key;
  }
}

TEST(Computing, TakesSubnormalNumbersForZeroWhereTheProcessorCan) {
  const bool can = at::globalContext().setFlushDenormal(false);
  volatile float small = 1e-30f;
  EXPECT_GT(small * 1e-10f, 0);
  set_up_computing();
  if (can) {
    EXPECT_EQ(small * 1e-10f, 0);
  }
  at::globalContext().setFlushDenormal(false);
}

TEST(ComputeThreads, AreOneUnlessTheEnvironmentSaysMore) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string saved = before != nullptr ? before : "1";
  setenv("OMP_NUM_THREADS", "2", 1);
  set_up_computing();
  EXPECT_EQ(at::get_num_threads(), 2);
  setenv("OMP_NUM_THREADS", "nonsense", 1);
  set_up_computing();
  EXPECT_EQ(at::get_num_threads(), 1);
  unsetenv("OMP_NUM_THREADS");
  set_up_computing();
  EXPECT_EQ(at::get_num_threads(), 1);
  setenv("OMP_NUM_THREADS", saved.c_str(), 1);
}

}  // namespace
}  // namespace edgesweep
