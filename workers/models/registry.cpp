#include <utility>

#include "workers/models/model.hpp"
#include "workers/registry.hpp"

namespace edgesweep {
namespace {

Registry<ModelFamily>& registry() {
  static Registry<ModelFamily> families("model");
  return families;
}

}  // namespace

const ModelFamily& model_family(const std::string& name) { return registry().get(name); }

std::vector<std::string> model_names() { return registry().names(); }

RegisterModel::RegisterModel(std::string name, std::unique_ptr<ModelFamily> family) {
  registry().add(std::move(name), std::move(family));
}

}  // namespace edgesweep
