#include "workers/theory/root.hpp"

namespace edgesweep {

double root_in(const std::function<double(double)>& f, Bracket b, double tolerance) {
  if (b.at_low == 0) return b.low;
  if (b.at_high == 0) return b.high;
  double width_before = b.high - b.low;
  for (int step = 1; b.high - b.low > tolerance; ++step) {
    double x = b.low + (b.high - b.low) * (b.at_low / (b.at_low - b.at_high));
    if (step % 4 == 0) {
      if (b.high - b.low > 0.5 * width_before) x = 0.5 * (b.low + b.high);
      width_before = b.high - b.low;
    }
    // Near the end a step stays a little off both ends, so that the far one moves too.
    const double margin = 0.25 * tolerance;
    if (x < b.low + margin) x = b.low + margin;
    if (x > b.high - margin) x = b.high - margin;
    if (x <= b.low || x >= b.high) break;  // no number lies between
    const double value = f(x);
    if (value == 0) return x;
    // The end that stays counts for less, by how much the value at the other one has shrunk.
    if (value < 0) {
      const double shrunk = 1 - value / b.at_low;
      b.at_high *= shrunk > 0 ? shrunk : 0.5;
      b.low = x;
      b.at_low = value;
    } else {
      const double shrunk = 1 - value / b.at_high;
      b.at_low *= shrunk > 0 ? shrunk : 0.5;
      b.high = x;
      b.at_high = value;
    }
  }
  return 0.5 * (b.low + b.high);
}

}  // namespace edgesweep
