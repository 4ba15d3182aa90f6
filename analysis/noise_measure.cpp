#include "analysis/noise_measure.hpp"

namespace edgesweep {

const std::vector<NoiseMeasure>& noise_measures() {
  static const std::vector<NoiseMeasure> measures{
      {"K", "K", "noise kernel norm K"},
      {"K_tr", "K_{tr}", "trace approximation of K"},
      {"K_gn", "K_{GN}", "K from the trace of the Gauss-Newton matrix"}};
  return measures;
}

std::optional<NoiseMeasure> noise_measure(const SweepData& data) {
  for (const NoiseMeasure& measure : noise_measures()) {
    if (data.has(measure.column)) return measure;
  }
  return std::nullopt;
}

}  // namespace edgesweep
