#include "engine/spec/spacing.hpp"

#include <charconv>
#include <cmath>

namespace edgesweep {
namespace {

double rounded_to_12_digits(long double value) {
  char text[64];
  const auto end =
      std::to_chars(text, text + sizeof text, static_cast<double>(value), std::chars_format::scientific, 11)
          .ptr;
  double rounded = 0;
  std::from_chars(text, end, rounded);
  return rounded;
}

/// `at(f)` is the value at the fraction 0 < f < 1 of the way.
template <typename At>
std::vector<double> points(double low, double high, std::int64_t count, At at) {
  std::vector<double> values{low};
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t k = 1; k + 1 < count; ++k) {
    values.push_back(
        rounded_to_12_digits(at(static_cast<long double>(k) / static_cast<long double>(count - 1))));
  }
  if (count > 1) {
    values.push_back(high);
  }
  return values;
}

}  // namespace

std::vector<double> linear_points(double low, double high, std::int64_t count) {
  const long double first = low;
  return points(low, high, count, [&](long double fraction) { return first + (high - first) * fraction; });
}

std::vector<double> log_points(double low, double high, std::int64_t count) {
  const long double first = low;
  return points(low, high, count,
                [&](long double fraction) { return first * std::pow(high / first, fraction); });
}

}  // namespace edgesweep
