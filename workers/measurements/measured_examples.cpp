#include "workers/measurements/measured_examples.hpp"

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "workers/data/selection.hpp"

namespace edgesweep {

void read_measured_examples(ObjectReader& reader, Json& canonical, const Json& experiment) {
  if (!reader.has("examples")) return;
  const Json& dataset = experiment.at("dataset");
  const std::int64_t most = dataset_family(dataset.at("name").get_ref<const std::string&>()).measured_count(dataset);
  canonical["examples"] = canonical_selection(reader, "examples", 1, most);
}

std::int64_t measured_count(const Json& canonical, std::int64_t all) {
  return canonical.contains("examples") ? selection_count(canonical.at("examples")) : all;
}

Examples measured_examples(const Json& selection, const Examples& train) {
  if (selection.is_null()) return {train.inputs, train.targets, {}};
  if (!selection.is_object()) {
    const std::int64_t count = selection_count(selection);
    return {train.inputs.narrow(0, 0, count), train.targets.narrow(0, 0, count), {}};
  }
  const at::Tensor rows = at::tensor(selected_rows(selection, train.count()), at::kLong).to(train.inputs.device());
  return {train.inputs.index_select(0, rows), train.targets.index_select(0, rows), {}};
}

}  // namespace edgesweep
