#include "analysis/trajectories.hpp"

#include <numeric>

namespace edgesweep {
namespace {

std::vector<std::int64_t> indices(std::int64_t length) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(length));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

}  // namespace

Table trajectories_table(const SweepData& data) {
  Table table{
      "trajectories",
      {{"batch", data.batches, "batch size B"},
       {"point", indices(data.points), "index along the learning-rate axis"},
       {"seed", data.seeds, "seed of the trial"},
       {"record", indices(data.max_records), "index of the record"}},
      {{"eta", "1", "learning rate", 2},
       {"eta_over_batch", "1", "learning rate over batch size", 2},
       {"status", "1", "status of the trial", 3, {kTrialStatusNames.begin(), kTrialStatusNames.end()}}},
      {}};
  for (const Column& column : data.columns) {
    table.columns.push_back({column.name, column.units, column.long_name, 4});
  }
  for (const CellData& cell : data.cells) {
    for (const TrialData& trial : cell.trials) {
      const std::string status(kTrialStatusNames[static_cast<std::size_t>(trial.status)]);
      for (std::int64_t record = 0; record < trial.records; ++record) {
        std::vector<TableValue> row{cell.batch, cell.point, trial.seed,
                                    record,     cell.eta,   cell.eta / static_cast<double>(cell.batch),
                                    status};
        for (const Column& column : data.columns) {
          row.emplace_back(trial.columns.at(column.name)[static_cast<std::size_t>(record)]);
        }
        table.rows.push_back(std::move(row));
      }
    }
  }
  return table;
}

}  // namespace edgesweep
