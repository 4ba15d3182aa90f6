#include "analysis/export.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "analysis/load.hpp"
#include "analysis/plot.hpp"
#include "engine/base/digest.hpp"
#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/store/store.hpp"
#include "tests/analysis/synthetic_sweep.hpp"

namespace edgesweep {
namespace {

/// The sweep of synthetic data; the columns follow the order of the store. One column more is a vector of
/// two.
Sweep sweep_of(const SweepData& data) {
  Sweep sweep;
  sweep.name = data.name;
  sweep.title = data.title;
  sweep.canonical = {{"name", data.name},
                     {"title", data.title},
                     {"experiment", {{"optimizer", {{"momentum", data.momentum}, {"l2", 0.0}}}}}};
  sweep.text = sweep.canonical.dump();
  sweep.digest = sha256_hex(sweep.text);
  sweep.batches = data.batches;
  sweep.points = data.points;
  sweep.seeds = data.seeds;
  sweep.records = {data.max_records, "linear"};
  sweep.columns = data.columns;
  sweep.columns.push_back({"eigenvalues", "1", "largest eigenvalues", 2, "eigenvalue"});
  for (const CellData& cell : data.cells) {
    const auto batch = std::find(data.batches.begin(), data.batches.end(), cell.batch) - data.batches.begin();
    sweep.cells.push_back({batch, cell.point, cell.batch, cell.eta, 1000});
  }
  return sweep;
}

/// A store that holds the synthetic sweep, without its very first cell, in a folder of its own.
class ExportedStore : public testing::Test {
 protected:
  ExportedStore()
      : folder_(std::filesystem::temp_directory_path() / ("edgesweep_export_" + std::to_string(getpid()))),
        path_(folder_ / "s.h5"),
        data_(synthetic_sweep()) {
    std::filesystem::create_directories(folder_);
    data_.momentum = 0.5;
    data_.cells.erase(data_.cells.begin());
    data_.cells.back().trials.back().status = TrialStatus::running;
    const Sweep sweep = sweep_of(data_);
    Store store = Store::create(path_, sweep, "2026-01-31T12:00:00Z");
    std::int64_t index = 0;
    for (const CellData& cell : data_.cells) {
      for (const TrialData& trial : cell.trials) write_trial(store, index++, trial);
    }
    store.close();
  }
  ~ExportedStore() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void write_trial(Store& store, std::int64_t index, const TrialData& trial) const {
    for (std::int64_t record = 0; record < trial.records; ++record) {
      std::vector<double> values;
      for (const Column& column : data_.columns) {
        values.push_back(trial.columns.at(column.name)[static_cast<std::size_t>(record)]);
      }
      const double step = values.front();
      values.insert(values.end(), {step + 0.25, step + 0.5});
      store.write_record(index, record, values);
    }
    store.set_state(index, {trial.status, trial.records, 1, 1000, 2.5});
  }

  std::filesystem::path folder_;
  std::string path_;
  SweepData data_;
};

TEST_F(ExportedStore, LoadsWhatWasWritten) {
  const SweepData loaded = load_sweep_data(StoreReader(path_));
  EXPECT_EQ(loaded.name, data_.name);
  EXPECT_EQ(loaded.title, data_.title);
  EXPECT_EQ(loaded.momentum, 0.5);
  EXPECT_EQ(loaded.batches, data_.batches);
  EXPECT_EQ(loaded.max_records, data_.max_records);
  ASSERT_EQ(loaded.cells.size(), data_.cells.size());
  for (std::size_t at = 0; at < loaded.cells.size(); ++at) {
    const CellData& cell = loaded.cells[at];
    EXPECT_EQ(cell.eta, data_.cells[at].eta);
    EXPECT_EQ(cell.point, data_.cells[at].point);
    for (std::size_t seed = 0; seed < data_.seeds.size(); ++seed) {
      EXPECT_EQ(cell.trials[seed].status, data_.cells[at].trials[seed].status);
      EXPECT_EQ(cell.trials[seed].columns.at("K"), data_.cells[at].trials[seed].columns.at("K"));
    }
  }
}

TEST_F(ExportedStore, SplitsVectorColumnsIntoTheirComponents) {
  const SweepData loaded = load_sweep_data(StoreReader(path_));
  EXPECT_TRUE(loaded.has("eigenvalues_0"));
  EXPECT_FALSE(loaded.has("eigenvalues"));
  const TrialData& trial = loaded.cells.front().trials.front();
  for (std::size_t record = 0; record < static_cast<std::size_t>(trial.records); ++record) {
    EXPECT_EQ(trial.columns.at("eigenvalues_1")[record], trial.columns.at("step")[record] + 0.5);
  }
}

TEST_F(ExportedStore, ExportsEveryTableInEveryFormat) {
  for (const std::string table : {"phase", "trajectories", "boundary"}) {
    for (const std::string format : {"csv", "json", "nc"}) {
      const std::string output = folder_ / (table + "." + format);
      export_table(path_, table, format, output);
      EXPECT_GT(std::filesystem::file_size(output), 100u) << output;
    }
  }
  EXPECT_EQ(read_text_file(folder_ / "phase.csv").substr(0, 26), "batch,point,eta,eta_over_b");
}

TEST_F(ExportedStore, NetcdfTablesOpenInXarrayWithTheValuesOfTheCsv) {
  for (const std::string table : {"phase", "trajectories", "boundary"}) {
    export_table(path_, table, "csv", folder_ / (table + ".csv"));
    export_table(path_, table, "nc", folder_ / (table + ".nc"));
  }
  const std::string script = std::string(EDGESWEEP_SOURCE_DIR) + "/tests/analysis/compare_exports.py";
  EXPECT_EQ(std::system(("/usr/bin/python3 " + script + " " + folder_.string()).c_str()), 0);
}

TEST_F(ExportedStore, NeverWritesOverTheStore) {
  EXPECT_THROW(export_table(path_, "phase", "csv", folder_ / "." / "s.h5"), InputError);
  EXPECT_NO_THROW(StoreReader{path_});
}

TEST_F(ExportedStore, RefusesWhatCannotBeWritten) {
  EXPECT_THROW(export_table(path_, "phase", "nc", "-"), InputError);
  EXPECT_THROW(export_table(path_, "phase", "txt", folder_ / "a"), InputError);
  EXPECT_THROW(export_table(path_, "phase", "csv", folder_ / "missing" / "a.csv"), InputError);
  EXPECT_THROW(export_table(path_, "phase", "csv", folder_), InputError);
  EXPECT_THROW(export_table(folder_ / "missing.h5", "phase", "csv", folder_ / "a.csv"), InputError);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.csv"));
}

TEST_F(ExportedStore, PlotsIntoAFolderThatItMakes) {
  plot_store(path_, folder_ / "plots" / "deep", 8);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "plots" / "deep" / "phase_K.png"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "plots" / "deep" / "trajectories_b8.svg"));
}

}  // namespace
}  // namespace edgesweep
