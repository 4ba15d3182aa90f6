#pragma once

#include <ATen/Parallel.h>
#include <cblas.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "engine/base/json.hpp"

// What the benchmark programs share: how they take time, and sections by name, one JSON object a section on a line.
namespace edgesweep::bench {

/// Processor time of this thread: with one thread it is the wall time of an idle machine, also on a busy one.
inline double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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

/// Exit code.
inline int run_sections(const std::map<std::string, std::function<Json()>>& sections, const std::vector<std::string>& names) {
  at::set_num_threads(1);
  openblas_set_num_threads(1);
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
