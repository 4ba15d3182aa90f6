#include "workers/training/changes.hpp"

#include <string>

namespace edgesweep {
namespace {

constexpr std::int64_t most_steps = 1'000'000'000'000;

Json canonical_change(ObjectReader reader, std::int64_t after, std::int64_t train_examples) {
  Json canonical;
  const std::int64_t step = reader.integer("step", 1, most_steps);
  if (step <= after) {
    reader.fail("step", "is " + std::to_string(step) + "; must be above " + std::to_string(after) +
                            ", the step of the change before");
  }
  canonical["step"] = step;
  if (reader.has("eta_times")) canonical["eta_times"] = reader.number("eta_times", Range::positive());
  if (reader.has("batch")) canonical["batch"] = reader.integer("batch", 1, train_examples);
  reader.finish();
  if (canonical.size() == 1) reader.fail("", "changes nothing; must have eta_times, batch or both");
  return canonical;
}

}  // namespace

Json canonical_changes(ObjectReader& experiment, std::int64_t train_examples) {
  const Json& given = experiment.raw("changes");
  if (!given.is_array() || given.empty()) experiment.fail("changes", "must be a list of at least one change");
  Json canonical = Json::array();
  std::int64_t after = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string path = experiment.path_of("changes[" + std::to_string(i) + "]");
    canonical.push_back(canonical_change({given[i], experiment.file(), path}, after, train_examples));
    after = canonical.back().at("step");
  }
  return canonical;
}

std::vector<Change> changes_of(const Json& experiment) {
  std::vector<Change> changes;
  if (!experiment.contains("changes")) return changes;
  for (const Json& entry : experiment.at("changes")) {
    Change change{entry.at("step"), entry.value("eta_times", 1.0), std::nullopt};
    if (entry.contains("batch")) change.batch = entry.at("batch").get<std::int64_t>();
    changes.push_back(change);
  }
  return changes;
}

}  // namespace edgesweep
