#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"

// A sweep of nothing, for benchmarks of the engine alone.
namespace edgesweep {

/// Any experiment; a record has `columns` measured values beside the three that every record has. Seconds per step grow with B.
class StandInCatalog final : public Catalog {
 public:
  explicit StandInCatalog(int columns) : columns_(columns) {}

  Json experiment(ObjectReader) const override { return Json::object(); }
  std::int64_t train_examples(const Json&) const override { return 1 << 20; }
  Json measure(ObjectReader, const Json&) const override { return Json::object(); }
  std::vector<Column> columns(const Json&, const Json&) const override {
    std::vector<Column> columns;
    for (int column = 0; column < columns_; ++column) {
      columns.push_back({"value_" + std::to_string(column), "1", "a measured value"});
    }
    return columns;
  }
  PredictedCost predicted_cost(const Json&, const Json&, std::int64_t batch) const override {
    return {1e-3 * static_cast<double>(batch), 0.1};
  }
  bool has_parameters(const Json&) const override { return false; }

 private:
  int columns_;
};

/// Batch sizes 1, 2, 4, … (`batches` of them), `seeds` seeds, and as many learning rates as make `trials` trials of 10,000 steps.
inline Sweep stand_in_sweep(const Catalog& catalog, std::int64_t trials, std::int64_t records, std::int64_t batches,
                            std::int64_t seeds) {
  Json sizes = Json::array();
  for (std::int64_t b = 0; b < batches; ++b) sizes.push_back(std::int64_t{1} << b);
  const std::int64_t rates = (trials + batches * seeds - 1) / (batches * seeds);
  const Json file = {{"name", "scale"},
                     {"experiment", Json::object()},
                     {"grid", {{{"batch", sizes}, {"eta", {{"log", {1e-4, 1.0}}, {"count", rates}}}, {"steps", 10000}}}},
                     {"seeds", seeds},
                     {"records", {{"count", records}}},
                     {"measure", Json::object()}};
  return parse_sweep(file.dump(), "scale.json", catalog);
}

}  // namespace edgesweep
