#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"

namespace edgesweep {

/// One (B, η) point of the grid.
struct Cell {
  std::int64_t batch_index;  ///< index along the store's `batch` axis
  std::int64_t point;        ///< index along the store's `point` axis (position of η in its batch's list)
  std::int64_t batch;        ///< B, examples per step
  double eta;                ///< η, learning rate
  std::int64_t steps;        ///< SGD steps to train
};

/// When records are taken.
struct RecordPlan {
  std::int64_t count;   ///< most records a trial can have, the one at step 0 and the last one included
  std::string spacing;  ///< "log" or "linear"
};

/// Steps at which a trial of `steps` steps is measured: strictly increasing, from 0 to `steps`, at most plan.count of
/// them (fewer if there are fewer steps than that).
std::vector<std::int64_t> record_steps(const RecordPlan& plan, std::int64_t steps);

enum class KeepParameters { none, final, all };

/// A validated sweep: everything that a run needs to know, and nothing about files or machines.
struct Sweep {
  Json canonical;           ///< the sweep file with every default written out
  std::string text;         ///< canonical.dump(): what the store keeps as `sweep_json`
  std::string digest;       ///< lower-case hex sha256 of `text`
  std::string name;
  std::string title;
  Json experiment;          ///< canonical `experiment`
  Json measure;             ///< canonical `measure`
  std::int64_t train_examples = 0;     ///< D
  std::vector<std::int64_t> batches;   ///< values of the `batch` axis, increasing
  std::int64_t points = 0;             ///< length of the `point` axis: the longest list of η
  std::vector<Cell> cells;             ///< by batch, then point; batches with fewer η have fewer cells
  std::vector<std::int64_t> seeds;     ///< values of the `seed` axis
  RecordPlan records{};
  double loss_above = 0;               ///< a trial whose loss exceeds this, or is not finite, has diverged
  std::optional<double> stop_loss_below;  ///< a trial is done at the first record whose train_loss is below this
  std::int64_t ranks_per_trial = 1;
  KeepParameters keep_parameters = KeepParameters::none;
  std::vector<Column> columns;         ///< of a record: step, samples, learning_rate, then the measurements'

  std::int64_t trial_count() const;
};

/// Parses and validates the text of a sweep file; `file` names it in messages. Throws InputError.
Sweep parse_sweep(const std::string& text, const std::string& file, const Catalog& catalog);

/// Reads `path`, applies `--set path=value` overrides in order (a value that is no JSON is taken as a string), and
/// validates. Throws InputError.
Sweep load_sweep(const std::string& path, const std::vector<std::string>& overrides, const Catalog& catalog);

/// A cell and a seed: the unit of work.
struct Trial {
  std::int64_t index = 0;       ///< position in the sweep: cell-major, then seed
  Cell cell{};
  std::int64_t seed_index = 0;  ///< index along the store's `seed` axis
  std::int64_t seed = 0;
  std::string key;              ///< hex sha256 of all that defines the training: experiment, B, η, steps, seed
  std::vector<std::int64_t> record_steps;
};

/// Trial `index` of the sweep, 0 ≤ index < sweep.trial_count().
Trial make_trial(const Sweep& sweep, std::int64_t index);

/// The same without key and record steps, which take a digest and a list: enough for file names and messages.
Trial trial_place(const Sweep& sweep, std::int64_t index);

/// JSON path, and both values, of the first difference of two canonical sweeps; empty if they are equal.
std::string first_difference(const Json& mine, const Json& theirs);

}  // namespace edgesweep
