#pragma once

#include <functional>

namespace edgesweep {

/// Two arguments between which a continuous function changes sign from negative or 0 to positive or 0.
struct Bracket {
  double low;
  double at_low;  ///< ≤ 0
  double high;
  double at_high;  ///< ≥ 0
};

/// A root of `f` in the bracket, to `tolerance` (absolute). Regula falsi with the weights of Anderson and Björck (BIT 13,
/// 1973), and a bisection whenever three steps have not halved the bracket: about 6 calls where f is smooth.
double root_in(const std::function<double(double)>& f, Bracket bracket, double tolerance);

}  // namespace edgesweep
