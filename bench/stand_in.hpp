#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"

// A sweep of nothing, for benchmarks of the engine alone.
namespace edgesweep {

/// Any experiment; a record has `columns` measured values beside the three that every record has. A step takes 1e-3 B^power
/// seconds.
class StandInCatalog final : public Catalog {
 public:
  explicit StandInCatalog(int columns, double power = 1) : columns_(columns), power_(power) {}

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
    return {1e-3 * std::pow(static_cast<double>(batch), power_), 0};
  }
  bool shares_work(const Json&) const override { return false; }
  bool has_parameters(const Json&) const override { return false; }

 private:
  int columns_;
  double power_;
};

struct StandInSizes {
  std::int64_t trials = 0;  ///< at least
  std::int64_t records = 0;
  std::int64_t seeds = 1;
  std::vector<std::int64_t> batches{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
  std::vector<std::int64_t> steps{10000};  ///< for all batch sizes, or one of each
};

inline Sweep stand_in_sweep(const Catalog& catalog, const StandInSizes& sizes) {
  const std::int64_t a_rate = sizes.seeds * static_cast<std::int64_t>(sizes.batches.size());
  const std::int64_t rates = (sizes.trials + a_rate - 1) / a_rate;
  Json grid = Json::array();
  for (std::size_t i = 0; i < sizes.batches.size(); ++i) {
    grid.push_back({{"batch", {sizes.batches[i]}},
                    {"eta", {{"log", {1e-4, 1.0}}, {"count", rates}}},
                    {"steps", sizes.steps.at(sizes.steps.size() == 1 ? 0 : i)}});
  }
  const Json file = {{"name", "scale"},
                     {"experiment", Json::object()},
                     {"grid", grid},
                     {"seeds", sizes.seeds},
                     {"records", {{"count", sizes.records}}},
                     {"measure", Json::object()}};
  return parse_sweep(file.dump(), "scale.json", catalog);
}

}  // namespace edgesweep
