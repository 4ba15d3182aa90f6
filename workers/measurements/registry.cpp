#include <algorithm>
#include <utility>

#include "workers/measurements/measurement.hpp"
#include "workers/registry.hpp"

namespace edgesweep {
namespace {

Registry<MeasurementFamily>& registry() {
  static Registry<MeasurementFamily> families("measurement");
  return families;
}

}  // namespace

const MeasurementFamily& measurement_family(const std::string& name) { return registry().get(name); }

std::vector<std::string> measurement_names() {
  std::vector<std::string> names = registry().names();
  std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return name == "loss"; });
  return names;
}

RegisterMeasurement::RegisterMeasurement(std::string name, std::unique_ptr<MeasurementFamily> family) {
  registry().add(std::move(name), std::move(family));
}

}  // namespace edgesweep
