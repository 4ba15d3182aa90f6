#pragma once

#include <c10/core/Device.h>
#include <stdlib.h>
#include <time.h>
#include <torch/cuda.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "workers/workers.hpp"

// What the benchmark programs share: how they take time, and sections by name, one JSON object a section on a line.
namespace edgesweep::bench {

/// Where the sections compute: the CPU, or a GPU after `--device cuda` on the command line.
inline at::Device& device() {
  static at::Device chosen = at::kCPU;
  return chosen;
}

/// Processor time of this thread: with one thread it is the wall time of an idle machine, also on a busy one. With a GPU it is the
/// wall time once the GPU has done all it was given.
inline double seconds_now() {
  if (device().is_cuda()) torch::cuda::synchronize();
  timespec now{};
  clock_gettime(device().is_cuda() ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Median seconds of a call, after one to warm up.
inline double median_seconds(int repeats, const std::function<void()>& call) {
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

inline void one_thread() {
  setenv("OMP_NUM_THREADS", "1", 1);
  set_up_computing();
}

/// `names`: sections, perhaps after `--device cuda`. Exit code.
inline int run_sections(const std::map<std::string, std::function<Json()>>& sections, std::vector<std::string> names) {
  if (names.size() > 1 && names[0] == "--device") {
    device() = at::Device(names[1]);
    names.erase(names.begin(), names.begin() + 2);
  }
  one_thread();
  for (const std::string& name : names) {
    const auto section = sections.find(name);
    if (section == sections.end()) {
      std::cerr << "no section " << name << "; there are";
      for (const auto& known : sections) std::cerr << ' ' << known.first;
      std::cerr << '\n';
      return 2;
    }
    std::cout << Json{{"section", name}, {"result", section->second()}}.dump() << std::endl;
  }
  return 0;
}

}  // namespace edgesweep::bench
