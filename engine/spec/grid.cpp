#include "engine/spec/grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/spec/spacing.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t most_examples = std::numeric_limits<std::int64_t>::max();
/// 2^53: whole numbers up to here are doubles.
constexpr std::int64_t most_samples = std::int64_t{1} << 53;

/// The training length of one block: `amount` epochs, samples or steps.
struct Length {
  std::string unit;
  double amount = 0;
};

/// One batch size's row of the grid.
struct Row {
  std::vector<double> etas;
  std::int64_t steps = 0;
  std::string path;  ///< JSON path of the batch size
};

using Rows = std::map<std::int64_t, Row>;

/// The one of these keys that `block` has.
std::string only_one(ObjectReader& block, const std::vector<std::string>& keys) {
  std::vector<std::string> found;
  for (const std::string& key : keys) {
    if (block.has(key)) found.push_back(key);
  }
  if (found.size() == 1) return found.front();
  const std::vector<std::string>& named = found.empty() ? keys : found;
  std::string list = "\"" + named.front() + "\"";
  for (std::size_t i = 1; i < named.size(); ++i) {
    list += (i + 1 < named.size() ? ", \"" : " and \"") + named[i] + "\"";
  }
  const std::string says = found.empty() ? (keys.size() == 2 ? "has neither of " : "has none of ")
                                         : (found.size() == 2 ? "has both " : "has all of ");
  block.fail("", says + list + "; give one of them");
}

std::vector<double> read_list(ObjectReader& block, const std::string& key, Json& canonical) {
  std::vector<double> values = block.numbers(key, Range::positive());
  if (values.empty()) {
    block.fail(key, "is an empty list; at least one number is needed");
  }
  std::sort(values.begin(), values.end());
  const auto twice = std::adjacent_find(values.begin(), values.end());
  if (twice != values.end()) {
    block.fail(key, "holds " + Json(*twice).dump() + " twice");
  }
  canonical[key] = values;
  return values;
}

std::vector<double> read_range(ObjectReader& block, const std::string& key, Json& canonical) {
  ObjectReader range = block.object(key);
  range.has("log");
  range.has("linear");
  range.has("count");
  range.finish();
  const std::string spacing = only_one(range, {"log", "linear"});
  const std::vector<double> ends = range.numbers(spacing, Range::positive());
  if (ends.size() != 2) {
    range.fail(spacing, "has " + std::to_string(ends.size()) + " numbers; must be [low, high]");
  }
  const std::int64_t count = range.integer("count", 1, most_trials);
  if (count == 1 ? ends[0] != ends[1] : ends[0] >= ends[1]) {
    range.fail(spacing, count == 1 ? "must be two equal numbers where count is 1"
                                   : "is " + Json(ends).dump() + "; low must be below high");
  }
  canonical[key] = {{spacing, ends}, {"count", count}};
  std::vector<double> values =
      spacing == "log" ? log_points(ends[0], ends[1], count) : linear_points(ends[0], ends[1], count);
  if (std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) != values.end()) {
    range.fail(spacing, "has points that are too close to tell apart with 12 digits");
  }
  return values;
}

std::vector<double> read_rates(ObjectReader& block, const std::string& key, Json& canonical) {
  const Json& value = block.raw(key);
  if (value.is_array()) {
    return read_list(block, key, canonical);
  }
  if (value.is_object()) {
    return read_range(block, key, canonical);
  }
  block.fail(key, R"(must be a list of numbers, {"log": [low, high], "count": n} or )"
                  R"({"linear": [low, high], "count": n})");
}

std::vector<std::int64_t> read_batches(ObjectReader& block, const BatchLimits& limits) {
  std::vector<std::int64_t> batches = block.integers("batch", 1, most_examples);
  if (batches.empty()) {
    block.fail("batch", "is an empty list; at least one batch size is needed");
  }
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const bool only_full = !limits.full_batch_reason.empty();
    if (batches[i] > limits.train_examples || (only_full && batches[i] < limits.train_examples)) {
      block.fail("batch[" + std::to_string(i) + "]",
                 "is " + std::to_string(batches[i]) + "; must be " + (only_full ? "" : "at most ") +
                     std::to_string(limits.train_examples) + ", the number of training examples" +
                     (only_full ? ": " + limits.full_batch_reason : ""));
    }
  }
  return batches;
}

Length read_length(ObjectReader& block, Json& canonical) {
  Length length{only_one(block, {"epochs", "samples", "steps"})};
  if (length.unit == "epochs") {
    canonical["epochs"] = length.amount = block.number("epochs", Range::positive());
  } else {
    const std::int64_t most = length.unit == "samples" ? most_samples : most_steps;
    const std::int64_t amount = block.integer(length.unit, 1, most);
    canonical[length.unit] = amount;
    length.amount = static_cast<double>(amount);
  }
  return length;
}

std::int64_t steps_of(const Length& length, std::int64_t batch, std::int64_t train_examples,
                      const ObjectReader& block) {
  double steps = length.amount;
  if (length.unit == "epochs") steps = std::round(steps * static_cast<double>(train_examples / batch));
  if (length.unit == "samples") steps = std::floor(steps / static_cast<double>(batch));
  if (steps < 1 || steps > static_cast<double>(most_steps)) {
    block.fail(length.unit, std::string("makes ") + (steps < 1 ? "no step" : "more than 1e12 steps") +
                                " at batch size " + std::to_string(batch) +
                                "; from 1 to 1e12 steps are allowed");
  }
  return static_cast<std::int64_t>(steps);
}

std::vector<double> etas_of(const std::vector<double>& rates, const std::string& key, std::int64_t batch,
                            const ObjectReader& block) {
  if (key == "eta") {
    return rates;
  }
  std::vector<double> etas;
  for (const double rate : rates) {
    etas.push_back(rate * static_cast<double>(batch));
  }
  if (!std::isfinite(etas.back())) {
    block.fail(key,
               "makes a learning rate that is too large for a number at batch size " + std::to_string(batch));
  }
  return etas;
}

/// Adds a block's batch sizes to `rows`; gives the block's canonical form.
Json read_block(ObjectReader block, const BatchLimits& limits, std::int64_t seeds, std::int64_t& cells,
                Rows& rows) {
  for (const char* key : {"batch", "eta", "eta_over_batch", "epochs", "samples", "steps"}) {
    block.has(key);
  }
  block.finish();  // first: a misspelt key is a better message than a missing one
  Json canonical;
  std::vector<std::int64_t> batches = read_batches(block, limits);
  const std::string key = only_one(block, {"eta", "eta_over_batch"});
  const std::vector<double> rates = read_rates(block, key, canonical);
  const Length length = read_length(block, canonical);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const std::string where = "batch[" + std::to_string(i) + "]";
    const auto [row, is_new] = rows.try_emplace(batches[i]);
    if (!is_new) {
      block.fail(where, "overlapping: batch size " + std::to_string(batches[i]) + " is already at " +
                            row->second.path);
    }
    cells += static_cast<std::int64_t>(rates.size());
    if (cells > most_trials / seeds) {
      block.fail(key, "makes more than " + std::to_string(most_trials) +
                          " trials (batch sizes x learning rates x " + std::to_string(seeds) +
                          (seeds == 1 ? " seed)" : " seeds)"));
    }
    row->second = {etas_of(rates, key, batches[i], block),
                   steps_of(length, batches[i], limits.train_examples, block), block.path_of(where)};
  }
  std::sort(batches.begin(), batches.end());
  canonical["batch"] = batches;
  return canonical;
}

}  // namespace

Grid read_grid(ObjectReader& root, const BatchLimits& limits, std::int64_t seeds) {
  const Json& blocks = root.raw("grid");
  if (!blocks.is_array() || blocks.empty()) {
    root.fail("grid", "must be a list of at least one block");
  }
  Grid grid;
  Rows rows;
  std::int64_t cells = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ObjectReader block(blocks[i], root.file(), root.path_of("grid[" + std::to_string(i) + "]"));
    grid.canonical.push_back(read_block(std::move(block), limits, seeds, cells, rows));
  }
  // Blocks share no batch size, so their smallest ones order them.
  std::sort(grid.canonical.begin(), grid.canonical.end(),
            [](const Json& a, const Json& b) { return a["batch"][0] < b["batch"][0]; });
  for (const auto& [batch, row] : rows) {
    const auto batch_index = static_cast<std::int64_t>(grid.batches.size());
    grid.batches.push_back(batch);
    grid.points = std::max(grid.points, static_cast<std::int64_t>(row.etas.size()));
    for (std::size_t point = 0; point < row.etas.size(); ++point) {
      grid.cells.push_back(
          {batch_index, static_cast<std::int64_t>(point), batch, row.etas[point], row.steps});
    }
  }
  return grid;
}

}  // namespace edgesweep
