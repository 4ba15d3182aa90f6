#include "analysis/load.hpp"

#include <algorithm>
#include <cstddef>

namespace edgesweep {
namespace {

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double momentum_of(const Json& sweep) {
  const auto pointer = Json::json_pointer("/experiment/optimizer/momentum");
  return sweep.contains(pointer) && sweep.at(pointer).is_number() ? sweep.at(pointer).get<double>() : 0.0;
}

std::string component_name(const Column& column, std::int64_t component) {
  return column.width == 1 ? column.name : column.name + "_" + std::to_string(component);
}

std::vector<Column> scalar_columns(const std::vector<Column>& columns) {
  std::vector<Column> scalars;
  for (const Column& column : columns) {
    for (std::int64_t component = 0; component < column.width; ++component) {
      std::string long_name = column.long_name;
      if (column.width > 1) long_name += ", component " + std::to_string(component);
      scalars.push_back({component_name(column, component), column.units, long_name});
    }
  }
  return scalars;
}

TrialData load_trial(const StoreReader& reader, std::int64_t batch_index, std::int64_t point,
                     std::size_t seed_index) {
  const auto seed = static_cast<std::int64_t>(seed_index);
  const TrialState state = reader.state(batch_index, point, seed);
  TrialData trial;
  trial.seed = reader.seeds()[seed_index];
  trial.status = state.status;
  trial.records = state.records;
  for (const Column& column : reader.columns()) {
    const std::vector<double> values = reader.values(column.name, batch_index, point, seed);
    const auto width = static_cast<std::size_t>(column.width);
    // A store that is being written may have gained a record since its state was read: the shorter count
    // holds.
    trial.records = std::min(trial.records, static_cast<std::int64_t>(values.size() / width));
    for (std::size_t component = 0; component < width; ++component) {
      std::vector<double>& scalar =
          trial.columns[component_name(column, static_cast<std::int64_t>(component))];
      for (std::size_t at = component; at < values.size(); at += width) scalar.push_back(values[at]);
    }
  }
  for (auto& [name, values] : trial.columns) values.resize(static_cast<std::size_t>(trial.records));
  return trial;
}

}  // namespace

bool SweepData::has(const std::string& column) const {
  return std::any_of(columns.begin(), columns.end(), [&](const Column& mine) { return mine.name == column; });
}

SweepData load_sweep_data(const StoreReader& reader) {
  SweepData data;
  data.name = text_at(reader.sweep(), "name");
  data.title = text_at(reader.sweep(), "title");
  data.digest = reader.digest();
  data.momentum = momentum_of(reader.sweep());
  data.batches = reader.batches();
  data.seeds = reader.seeds();
  data.points = reader.points();
  data.max_records = reader.max_records();
  data.columns = scalar_columns(reader.columns());
  for (std::size_t batch = 0; batch < data.batches.size(); ++batch) {
    const auto batch_index = static_cast<std::int64_t>(batch);
    for (std::int64_t point = 0; point < data.points; ++point) {
      CellData cell{data.batches[batch], point, reader.eta(batch_index, point)};
      for (std::size_t seed = 0; seed < data.seeds.size(); ++seed) {
        TrialData trial = load_trial(reader, batch_index, point, seed);
        if (trial.status != TrialStatus::absent) cell.trials.push_back(std::move(trial));
      }
      if (!cell.trials.empty()) data.cells.push_back(std::move(cell));
    }
  }
  return data;
}

}  // namespace edgesweep
