#include "engine/spec/sweep.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <map>
#include <utility>

#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/spec/grid.hpp"
#include "engine/spec/json_text.hpp"
#include "engine/spec/override.hpp"

namespace edgesweep {
namespace {

constexpr std::int64_t most_records = 100'000;
constexpr std::int64_t most_ranks_per_trial = 100'000;
/// 80 GB of doubles: a larger store is taken for a typing error.
constexpr double most_values = 1e10;

const std::map<std::string, KeepParameters> keep_parameters_names = {
    {"none", KeepParameters::none}, {"final", KeepParameters::final}, {"all", KeepParameters::all}};

void read_name_and_title(ObjectReader& root, Sweep& sweep) {
  sweep.name = root.text("name");
  constexpr auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (sweep.name.empty() || sweep.name.find_first_not_of(allowed) != std::string::npos) {
    root.fail("name", "must be one or more of the letters A-Z and a-z, digits, \".\", \"_\" and \"-\"");
  }
  sweep.title = root.text("title", sweep.name);
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(sweep.title.begin(), sweep.title.end(), is_control)) {
    root.fail("title", "must be one line without control characters");
  }
}

/// Sets sweep.seeds; gives the canonical form: n where the seeds are 0 … n−1.
Json read_seeds(ObjectReader& root, Sweep& sweep) {
  if (!root.has("seeds") || !root.raw("seeds").is_array()) {
    const std::int64_t count = root.integer("seeds", 1, most_trials, 1);
    for (std::int64_t seed = 0; seed < count; ++seed) {
      sweep.seeds.push_back(seed);
    }
    return count;
  }
  sweep.seeds = root.integers("seeds", 0, std::numeric_limits<std::int64_t>::max());
  if (sweep.seeds.empty()) {
    root.fail("seeds", "is an empty list; at least one seed is needed");
  }
  std::sort(sweep.seeds.begin(), sweep.seeds.end());
  const auto twice = std::adjacent_find(sweep.seeds.begin(), sweep.seeds.end());
  if (twice != sweep.seeds.end()) {
    root.fail("seeds", "holds " + std::to_string(*twice) + " twice");
  }
  const auto count = static_cast<std::int64_t>(sweep.seeds.size());
  if (sweep.seeds.back() == count - 1) {
    return count;
  }
  return sweep.seeds;
}

Json read_records(ObjectReader reader, Sweep& sweep) {
  sweep.records.count = reader.integer("count", 2, most_records, 60);
  sweep.records.spacing = reader.choice("spacing", {"log", "linear"}, "log");
  reader.finish();
  return {{"count", sweep.records.count}, {"spacing", sweep.records.spacing}};
}

Json read_divergence(ObjectReader reader, Sweep& sweep) {
  sweep.loss_above = reader.number("loss_above", Range::positive(), 1e3);
  reader.finish();
  return {{"loss_above", sweep.loss_above}};
}

/// Null unless there is a rule: sweeps from before there were any keep their digests.
Json read_stop(ObjectReader& root, Sweep& sweep) {
  if (!root.has("stop")) return nullptr;
  ObjectReader reader = root.object("stop");
  sweep.stop_loss_below = reader.number("loss_below", Range::positive());
  reader.finish();
  return {{"loss_below", *sweep.stop_loss_below}};
}

void check_stop(const Sweep& sweep, const ObjectReader& root) {
  const auto is_loss = [](const Column& column) { return column.name == "train_loss"; };
  if (sweep.stop_loss_below && std::none_of(sweep.columns.begin(), sweep.columns.end(), is_loss)) {
    root.fail("stop.loss_below", "needs the measurement loss: it is judged by train_loss of the records");
  }
}

std::vector<Column> columns_of(const Sweep& sweep, const Catalog& catalog) {
  std::vector<Column> columns = {
      {"step", "1", "SGD steps taken"},
      {"samples", "1", "training examples seen: step times batch size"},
      {"learning_rate", "1", "learning rate of the next step"},
  };
  for (Column& column : catalog.columns(sweep.experiment, sweep.measure)) {
    columns.push_back(std::move(column));
  }
  return columns;
}

void check_store_size(const Sweep& sweep, const ObjectReader& root) {
  double values = static_cast<double>(sweep.batches.size()) * static_cast<double>(sweep.points) *
                  static_cast<double>(sweep.seeds.size()) * static_cast<double>(sweep.records.count);
  double width = 0;
  for (const Column& column : sweep.columns) {
    width += static_cast<double>(column.width);
  }
  values *= width;
  if (values >= most_values) {
    char rounded[32];
    std::snprintf(rounded, sizeof rounded, "%.3g", values);
    root.fail(
        "", std::string("needs a store of ") + rounded +
                " values (batch sizes x learning rates x seeds x records x columns); it must be below 1e10");
  }
}

Sweep validated(const Json& document, const std::string& file, const Catalog& catalog) {
  ObjectReader root(document, file, "");
  for (const char* key : {"name", "title", "experiment", "grid", "seeds", "records", "measure", "divergence", "stop",
                          "ranks_per_trial", "keep_parameters"}) {
    root.has(key);
  }
  root.finish();  // first: a misspelt key is a better message than a missing one
  Sweep sweep;
  Json canonical;
  read_name_and_title(root, sweep);
  canonical["name"] = sweep.name;
  canonical["title"] = sweep.title;
  canonical["seeds"] = read_seeds(root, sweep);
  canonical["records"] = read_records(root.object("records", true), sweep);
  canonical["divergence"] = read_divergence(root.object("divergence", true), sweep);
  if (Json stop = read_stop(root, sweep); !stop.is_null()) canonical["stop"] = std::move(stop);
  canonical["ranks_per_trial"] = sweep.ranks_per_trial = root.integer("ranks_per_trial", 1, most_ranks_per_trial, 1);
  const std::string keep = root.choice("keep_parameters", {"none", "final", "all"}, "none");
  canonical["keep_parameters"] = keep;
  sweep.keep_parameters = keep_parameters_names.at(keep);

  canonical["experiment"] = sweep.experiment = catalog.experiment(root.object("experiment"));
  if (sweep.keep_parameters != KeepParameters::none && !catalog.has_parameters(sweep.experiment)) {
    root.fail("keep_parameters", "is \"" + keep + "\"; this experiment has no parameters to keep: only \"none\" is allowed");
  }
  if (sweep.ranks_per_trial > 1 && !catalog.shares_work(sweep.experiment)) {
    root.fail("ranks_per_trial", "is " + std::to_string(sweep.ranks_per_trial) +
                                     "; the work of a trial of this experiment is not divided: only 1 is allowed");
  }
  sweep.train_examples = catalog.train_examples(sweep.experiment);
  const BatchLimits limits{sweep.train_examples, catalog.full_batch_reason(sweep.experiment)};
  Grid grid = read_grid(root, limits, static_cast<std::int64_t>(sweep.seeds.size()));
  canonical["grid"] = std::move(grid.canonical);
  sweep.batches = std::move(grid.batches);
  sweep.points = grid.points;
  sweep.cells = std::move(grid.cells);
  canonical["measure"] = sweep.measure = catalog.measure(root.object("measure"), sweep.experiment);
  sweep.columns = columns_of(sweep, catalog);
  check_stop(sweep, root);
  check_store_size(sweep, root);

  sweep.text = canonical.dump();
  sweep.digest = sha256_hex(sweep.text);
  sweep.canonical = std::move(canonical);
  return sweep;
}

}  // namespace

std::int64_t Sweep::trial_count() const {
  return static_cast<std::int64_t>(cells.size() * seeds.size());
}

Sweep parse_sweep(const std::string& text, const std::string& file, const Catalog& catalog) {
  return validated(parse_json(text, file), file, catalog);
}

Sweep load_sweep(const std::string& path, const std::vector<std::string>& overrides, const Catalog& catalog) {
  Json document = parse_json(read_text_file(path), path);
  for (const std::string& text : overrides) {
    apply_override(document, text);
  }
  return validated(document, path, catalog);
}

Trial trial_place(const Sweep& sweep, std::int64_t index) {
  const auto seeds = static_cast<std::int64_t>(sweep.seeds.size());
  Trial trial;
  trial.index = index;
  trial.cell = sweep.cells.at(static_cast<std::size_t>(index / seeds));
  trial.seed_index = index % seeds;
  trial.seed = sweep.seeds[static_cast<std::size_t>(trial.seed_index)];
  return trial;
}

Trial make_trial(const Sweep& sweep, std::int64_t index) {
  Trial trial = trial_place(sweep, index);
  // Part of every trial's random numbers: the fields, their names and the tag never change.
  const Json identity = {{"schema", "edgesweep-trial-1"}, {"experiment", sweep.experiment},
                         {"batch", trial.cell.batch},     {"eta", trial.cell.eta},
                         {"steps", trial.cell.steps},     {"seed", trial.seed}};
  trial.key = sha256_hex(identity.dump());
  trial.record_steps = record_steps(sweep.records, trial.cell.steps);
  return trial;
}

}  // namespace edgesweep
