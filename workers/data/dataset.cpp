#include <utility>

#include "workers/data/dataset.hpp"
#include "workers/data/streamed_examples.hpp"
#include "workers/registry.hpp"

namespace edgesweep {
namespace {

Registry<DatasetFamily>& registry() {
  static Registry<DatasetFamily> families("dataset");
  return families;
}

}  // namespace

std::int64_t TrainTest::examples() const { return train_stream ? train_stream->count() : train.count(); }

const DatasetFamily& dataset_family(const std::string& name) { return registry().get(name); }

std::vector<std::string> dataset_names() { return registry().names(); }

RegisterDataset::RegisterDataset(std::string name, std::unique_ptr<DatasetFamily> family) {
  registry().add(std::move(name), std::move(family));
}

}  // namespace edgesweep
