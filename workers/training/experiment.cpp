#include "workers/experiment.hpp"

#include <utility>

#include "workers/registry.hpp"

namespace edgesweep {
namespace {

Registry<ExperimentFamily>& registry() {
  static Registry<ExperimentFamily> families("experiment");
  return families;
}

}  // namespace

const ExperimentFamily& experiment_family(const std::string& name) { return registry().get(name); }

const ExperimentFamily& experiment_family(const Json& experiment) {
  return registry().get(experiment.value("name", default_experiment));
}

std::vector<std::string> experiment_names() { return registry().names(); }

RegisterExperiment::RegisterExperiment(std::string name, std::unique_ptr<ExperimentFamily> family) {
  registry().add(std::move(name), std::move(family));
}

}  // namespace edgesweep
