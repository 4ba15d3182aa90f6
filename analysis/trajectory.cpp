#include "analysis/trajectory.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace edgesweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double initial_value(std::span<const double> values) {
  return values.empty() ? kNan : values.front();
}

double final_value(std::span<const double> values) {
  const auto last =
      std::find_if(values.rbegin(), values.rend(), [](double value) { return !std::isnan(value); });
  return last == values.rend() ? kNan : *last;
}

double least_value(std::span<const double> values) {
  double least = kNan;
  for (const double value : values) least = std::fmin(least, value);  // fmin ignores NaN
  return least;
}

double greatest_value(std::span<const double> values) {
  double greatest = kNan;
  for (const double value : values) greatest = std::fmax(greatest, value);
  return greatest;
}

double second_half_median(std::span<const double> steps, std::span<const double> values) {
  std::vector<double> late;
  for (std::size_t record = 0; record < values.size(); ++record) {
    if (2 * steps[record] >= steps.back() && !std::isnan(values[record])) late.push_back(values[record]);
  }
  if (late.empty()) return kNan;
  std::sort(late.begin(), late.end());
  const std::size_t middle = late.size() / 2;
  return late.size() % 2 == 1 ? late[middle] : 0.5 * (late[middle - 1] + late[middle]);
}

double steps_above(std::span<const double> steps, std::span<const double> values, double threshold) {
  double above = 0;
  double since = kNan;    // step of the last measured value
  double current = kNan;  // that value
  for (std::size_t record = 0; record < values.size(); ++record) {
    if (std::isnan(values[record])) continue;
    if (current > threshold) above += steps[record] - since;
    since = steps[record];
    current = values[record];
  }
  return std::isnan(current) ? kNan : above;
}

}  // namespace edgesweep
