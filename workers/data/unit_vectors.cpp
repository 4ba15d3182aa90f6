#include <ATen/ATen.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "workers/data/dataset.hpp"

namespace edgesweep {
namespace {

/// Examples for models of a few parameters: input i is the unit vector e_{indices[i]} of R^size, its target targets[i]. Two
/// orthogonal classes are size 2 with targets 1 and −1; entries of a matrix that are known, one index a known entry.
class UnitVectors final : public DatasetFamily {
 public:
  Json canonical(ObjectReader reader) const override {
    Json result;
    result["name"] = reader.choice("name", {"unit_vectors"});
    const std::vector<double> targets = reader.numbers("targets", Range::any());
    if (targets.empty()) reader.fail("targets", "is empty, must have a number for each example");
    const auto count = static_cast<std::int64_t>(targets.size());
    result["targets"] = targets;
    result["size"] = reader.integer("size", 1, 1 << 20, count);
    const std::int64_t size = result["size"];
    if (reader.has("indices")) {
      result["indices"] = reader.integers("indices", 0, size - 1);
    } else {
      std::vector<std::int64_t> all(targets.size());
      std::iota(all.begin(), all.end(), 0);
      result["indices"] = all;
    }
    if (result["indices"].size() != targets.size() || (!reader.has("indices") && size < count)) {
      reader.fail("targets", "has " + std::to_string(count) + " numbers; indices has " +
                                 std::to_string(result["indices"].size()) + ", and size is " + std::to_string(size));
    }
    reader.finish();
    return result;
  }

  std::int64_t train_count(const Json& canonical) const override {
    return static_cast<std::int64_t>(canonical.at("targets").size());
  }
  std::vector<std::int64_t> input_shape(const Json& canonical) const override { return {canonical.at("size")}; }
  std::int64_t outputs(const Json&) const override { return 1; }

  TrainTest load(const Json& canonical, const std::string&) const override {
    const auto indices = canonical.at("indices").get<std::vector<std::int64_t>>();
    const auto targets = canonical.at("targets").get<std::vector<double>>();
    const std::int64_t count = train_count(canonical), size = canonical.at("size");
    Examples train;
    train.inputs = at::zeros({count, size}, at::kFloat).scatter_(1, at::tensor(indices, at::kLong).unsqueeze(1), 1.0);
    train.targets = at::tensor(targets, at::kFloat).unsqueeze(1);
    return {train, {train.inputs.narrow(0, 0, 0), train.targets.narrow(0, 0, 0), {}}};
  }

  std::string check(const Json&, const std::string&) const override { return {}; }
};

const RegisterDataset registered{"unit_vectors", std::make_unique<UnitVectors>()};

}  // namespace
}  // namespace edgesweep
