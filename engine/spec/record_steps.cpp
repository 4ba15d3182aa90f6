#include <algorithm>
#include <cmath>

#include "engine/spec/spacing.hpp"
#include "engine/spec/sweep.hpp"

namespace edgesweep {

std::vector<std::int64_t> record_steps(const RecordPlan& plan, std::int64_t steps) {
  const std::int64_t last = std::min(plan.count - 1, steps);  // index of the last record
  const auto wanted = plan.spacing == "log" ? log_points(1, static_cast<double>(steps), last)
                                            : linear_points(0, static_cast<double>(steps), last + 1);
  const std::size_t offset = wanted.size() - static_cast<std::size_t>(last);  // skips linear's own step 0
  std::vector<std::int64_t> chosen{0};
  for (std::int64_t index = 1; index <= last; ++index) {
    // Where points are denser than steps, every step is taken; enough steps are left for the records to come.
    const auto step = std::llround(wanted[static_cast<std::size_t>(index - 1) + offset]);
    chosen.push_back(std::clamp<std::int64_t>(step, chosen.back() + 1, steps - (last - index)));
  }
  chosen.back() = steps;
  return chosen;
}

}  // namespace edgesweep
