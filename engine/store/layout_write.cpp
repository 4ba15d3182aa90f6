#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/raw_file.hpp"
#include "engine/store/schema.hpp"
#include "engine/store/store.hpp"

namespace edgesweep {
namespace {

using hdf5::Attributes;
using hdf5::DatasetSpec;
using hdf5::Type;

/// Lengths of the axes of a sweep's store, by name.
using Axes = std::map<std::string, std::int64_t>;

Axes axes_of(const Sweep& sweep) {
  std::int64_t most_records = 1;
  std::int64_t steps_seen = -1;
  for (const Cell& cell : sweep.cells) {
    if (cell.steps == steps_seen) continue;
    steps_seen = cell.steps;
    most_records = std::max(most_records, static_cast<std::int64_t>(record_steps(sweep.records, cell.steps).size()));
  }
  return {{schema::kBatch, static_cast<std::int64_t>(sweep.batches.size())},
          {schema::kPoint, sweep.points},
          {schema::kSeed, static_cast<std::int64_t>(sweep.seeds.size())},
          {schema::kRecord, most_records}};
}

void check_columns(const std::string& path, const Sweep& sweep, Axes& axes) {
  std::map<std::string, int> uses;
  for (const auto* name : schema::kReserved) uses[name] = 1;
  for (const Column& column : sweep.columns)
    if (uses[column.name]++ > 0) throw InputError(path, "two variables would have the name " + column.name);
  for (const Column& column : sweep.columns) {
    if (column.dimension.empty()) continue;
    const auto [axis, fresh] = axes.emplace(column.dimension, column.width);
    if (axis->second != column.width || (fresh && uses[column.dimension] > 0))
      throw InputError(path, "column " + column.name + " can't have the dimension " + column.dimension +
                                 ": another variable has that name or length");
  }
}

std::vector<std::int64_t> indices(std::int64_t count) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

Attributes described(const std::string& units, const std::string& long_name) {
  return {{schema::kUnits, units}, {schema::kLongName, long_name}};
}

/// Adds datasets of a sweep's store in file order.
class Builder {
 public:
  Builder(hdf5::Writer& file, const Axes& axes) : file_(file), axes_(axes) {}

  void scale(const std::string& name, const std::string& long_name, const std::vector<std::int64_t>& values) {
    add(name, Type::i8, {name}, false, described("1", long_name));
    file_.write(name, std::span(values));
  }

  void data(const std::string& name, Type type, std::vector<std::string> dimensions, bool fill_nan,
            Attributes attributes) {
    attributes.emplace_back(schema::kCoordinates, std::string(schema::kEta) + " " + schema::kEtaOverBatch);
    add(name, type, std::move(dimensions), fill_nan, std::move(attributes));
  }

  void add(const std::string& name, Type type, std::vector<std::string> dimensions, bool fill_nan,
           Attributes attributes) {
    DatasetSpec spec{name, type, std::move(dimensions), {}, fill_nan, std::move(attributes)};
    for (const auto& dimension : spec.dimensions) spec.shape.push_back(axes_.at(dimension));
    file_.add_dataset(spec);
  }

 private:
  hdf5::Writer& file_;
  const Axes& axes_;
};

void add_coordinates(hdf5::Writer& file, Builder& build, const Sweep& sweep, const Axes& axes) {
  build.scale(schema::kBatch, "batch size B, examples per step", sweep.batches);
  build.scale(schema::kPoint, "index along the learning-rate axis", indices(sweep.points));
  build.scale(schema::kSeed, "random seed", sweep.seeds);
  build.scale(schema::kRecord, "record index", indices(axes.at(schema::kRecord)));
  for (const Column& column : sweep.columns)
    if (!column.dimension.empty() && &column == &*std::ranges::find(sweep.columns, column.dimension, &Column::dimension))
      build.scale(column.dimension, column.dimension + " index", indices(column.width));

  const auto cells = static_cast<std::size_t>(axes.at(schema::kBatch) * sweep.points);
  std::vector<double> eta(cells, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> eta_over_batch(eta);
  for (const Cell& cell : sweep.cells) {
    const auto index = static_cast<std::size_t>(cell.batch_index * sweep.points + cell.point);
    eta[index] = cell.eta;
    eta_over_batch[index] = cell.eta / static_cast<double>(cell.batch);
  }
  build.add(schema::kEta, Type::f8, {schema::kBatch, schema::kPoint}, true, described("1", "learning rate eta"));
  build.add(schema::kEtaOverBatch, Type::f8, {schema::kBatch, schema::kPoint}, true,
            described("1", "learning rate over batch size, eta / B"));
  file.write(schema::kEta, std::span<const double>(eta));
  file.write(schema::kEtaOverBatch, std::span<const double>(eta_over_batch));
}

void add_trial_variables(hdf5::Writer& file, Builder& build, const Sweep& sweep, const StorePart& part) {
  const std::vector<std::string> axes{schema::kBatch, schema::kPoint, schema::kSeed};
  std::vector<std::uint8_t> values(kTrialStatusNames.size());
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  std::string meanings;
  for (const auto name : kTrialStatusNames) meanings.append(meanings.empty() ? "" : " ").append(name);
  Attributes status = described("1", "status of the trial");
  status.emplace_back(schema::kFlagValues, values);
  status.emplace_back(schema::kFlagMeanings, meanings);
  build.data(schema::kStatus, Type::u1, axes, false, status);
  build.data(schema::kRecords, Type::i8, axes, false, described("1", "committed records"));
  build.data(schema::kAttempts, Type::i8, axes, false, described("1", "times the trial was started"));
  build.data(schema::kSteps, Type::i8, axes, false, described("1", "SGD steps taken"));
  build.data(schema::kWallSeconds, Type::f8, axes, false, described("s", "wall-clock time of the trial"));

  const std::size_t seeds = sweep.seeds.size();
  std::vector<std::uint8_t> initial(sweep.batches.size() * static_cast<std::size_t>(sweep.points) * seeds,
                                    static_cast<std::uint8_t>(TrialStatus::absent));
  std::size_t trial = 0;
  for (const Cell& cell : sweep.cells) {
    const auto first = static_cast<std::size_t>(cell.batch_index * sweep.points + cell.point) * seeds;
    for (std::size_t seed = 0; seed < seeds; ++seed, ++trial)
      if (part.trials.empty() || part.trials[trial])
        initial[first + seed] = static_cast<std::uint8_t>(TrialStatus::pending);
  }
  file.write(schema::kStatus, std::span<const std::uint8_t>(initial));
}

std::uint64_t predicted_bytes(const Sweep& sweep, const Axes& axes) {
  constexpr std::uint64_t kMetadataOfDataset = 4096;
  const auto trials = static_cast<std::uint64_t>(axes.at(schema::kBatch) * sweep.points * axes.at(schema::kSeed));
  std::uint64_t values = 5;
  for (const Column& column : sweep.columns)
    values += static_cast<std::uint64_t>(axes.at(schema::kRecord) * column.width);
  return 8 * values * trials + sweep.text.size() + kMetadataOfDataset * (sweep.columns.size() + axes.size() + 8);
}

}  // namespace

void write_empty_store(const std::string& path, const Sweep& sweep, const std::string& created, const StorePart& part) {
  Axes axes = axes_of(sweep);
  check_columns(path, sweep, axes);
  require_room(path, predicted_bytes(sweep, axes));

  hdf5::Writer file(path);
  Attributes attributes{{schema::kConventions, std::string(schema::kConventionsValue)},
                        {schema::kTitle, sweep.title},
                        {schema::kSchemaVersion, schema::kVersion},
                        {schema::kEdgesweepVersion, std::string(EDGESWEEP_VERSION)},
                        {schema::kSweepJson, sweep.text},
                        {schema::kSweepDigest, sweep.digest},
                        {schema::kCreated, created}};
  if (!part.data_identity.empty()) attributes.emplace_back(schema::kDataIdentity, part.data_identity);
  if (!part.shard.empty()) attributes.emplace_back(schema::kShard, part.shard);
  file.set_root_attributes(attributes);
  Builder build(file, axes);
  add_coordinates(file, build, sweep, axes);
  add_trial_variables(file, build, sweep, part);
  for (const Column& column : sweep.columns) {
    std::vector<std::string> dimensions{schema::kBatch, schema::kPoint, schema::kSeed, schema::kRecord};
    if (!column.dimension.empty()) dimensions.push_back(column.dimension);
    build.data(column.name, Type::f8, dimensions, true, described(column.units, column.long_name));
  }
  file.close();
  seal_file(path, read_layout(path).values());
  sync_path(path);
}

}  // namespace edgesweep
