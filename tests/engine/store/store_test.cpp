#include "engine/store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/layout.hpp"
#include "engine/store/store_reader.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kCreated = "2026-01-31T12:00:00Z";

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

TEST(Store, KeepsWhatWasCommitted) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep();
  Store store = Store::create(folder / "s.h5", sweep, kCreated);
  // Cells 0, 1, 2 of B = 1, then 3, 4, 5 of B = 4: trial 9 is cell 4 (B = 4, point 1), seed index 1.
  for (std::int64_t record = 0; record < 3; ++record) store.write_record(9, record, sample::values(9, record));
  store.set_state(9, {TrialStatus::done, 99, 2, 100, 1.5});
  store.commit();
  EXPECT_EQ(store.state(9).records, 3);
  store.close();

  const StoreReader reader(folder / "s.h5");
  EXPECT_THAT(reader.batches(), ElementsAre(1, 4, 16));
  EXPECT_THAT(reader.seeds(), ElementsAre(7, 11));
  EXPECT_EQ(reader.points(), 3);
  EXPECT_EQ(reader.max_records(), 6);
  EXPECT_EQ(reader.columns(), sweep.columns);
  EXPECT_EQ(reader.sweep(), sweep.canonical);
  EXPECT_EQ(reader.digest(), sweep.digest);
  EXPECT_EQ(reader.eta(1, 1), 0.25);
  EXPECT_TRUE(std::isnan(reader.eta(2, 2)));
  const TrialState state = reader.state(1, 1, 1);
  EXPECT_EQ(state.status, TrialStatus::done);
  EXPECT_EQ(state.records, 3);
  EXPECT_EQ(state.attempts, 2);
  EXPECT_EQ(state.steps, 100);
  EXPECT_EQ(state.wall_seconds, 1.5);
  EXPECT_EQ(reader.state(2, 2, 0).status, TrialStatus::absent);
  EXPECT_EQ(reader.state(0, 0, 0).status, TrialStatus::pending);
  EXPECT_THAT(reader.values("step", 1, 1, 1), ElementsAre(9.0, 9.01, 9.02));
  EXPECT_THAT(reader.values("hessian_lambda_max", 1, 1, 1),
              ElementsAre(4009.0, 5009.0, 4009.01, 5009.01, 4009.02, 5009.02));
  EXPECT_TRUE(reader.values("K", 0, 0, 0).empty());
  EXPECT_TRUE(reader.has("K"));
  EXPECT_FALSE(reader.has("records"));
  EXPECT_THROW(reader.values("status", 0, 0, 0), InputError);
}

TEST(Store, ShowsStagedValuesOnlyAfterCommit) {
  const sample::Folder folder;
  Store store = Store::create(folder / "s.h5", sample::sweep(), kCreated);
  store.write_record(0, 0, sample::values(0, 0));
  store.set_state(0, {TrialStatus::running, 0, 1, 0, 0});
  const StoreReader reader(folder / "s.h5");
  EXPECT_EQ(reader.state(0, 0, 0).status, TrialStatus::pending);
  EXPECT_EQ(store.state(0).records, 0);
  store.commit();
  EXPECT_EQ(reader.state(0, 0, 0).status, TrialStatus::running);
  EXPECT_EQ(reader.state(0, 0, 0).records, 1);
}

TEST(Store, AllocatesEverythingWhenMade) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep();
  Store store = Store::create(folder / "s.h5", sweep, kCreated);
  const auto size = std::filesystem::file_size(folder / "s.h5");
  {
    const hdf5::Reader file(folder / "s.h5");
    for (const std::string& name : file.datasets()) {
      ASSERT_TRUE(file.info(name).offset) << name;
      EXPECT_EQ(*file.info(name).offset % 8, 0U) << name;
    }
    EXPECT_THAT(file.datasets(),
                ElementsAre("batch", "point", "seed", "record", "eigenvalue", "eta", "eta_over_batch", "status",
                            "records", "attempts", "steps", "wall_seconds", "step", "samples", "learning_rate", "K",
                            "hessian_lambda_max"));
    for (const double value : file.reals("hessian_lambda_max")) EXPECT_TRUE(std::isnan(value));
    EXPECT_THAT(file.dimensions("hessian_lambda_max"),
                ElementsAre("batch", "point", "seed", "record", "eigenvalue"));
    EXPECT_EQ(file.text_attribute("K", "coordinates"), "eta eta_over_batch");
    EXPECT_EQ(file.text_attribute("", "created"), kCreated);
  }
  for (std::int64_t trial = 0; trial < sample::trials(sweep); ++trial)
    for (std::int64_t record = 0; record < 6; ++record) store.write_record(trial, record, sample::values(trial, record));
  store.close();
  EXPECT_EQ(std::filesystem::file_size(folder / "s.h5"), size);
}

TEST(Store, HasNoLongerRecordAxisThanItsTrialsNeed) {
  const sample::Folder folder;
  Sweep sweep = sample::sweep(60);
  for (Cell& cell : sweep.cells) cell.steps = 9;  // records at steps 0 … 9
  Store::create(folder / "s.h5", sweep, kCreated);
  EXPECT_EQ(StoreReader(folder / "s.h5").max_records(), 10);
}

TEST(Store, RefusesToReplaceAFile) {
  const sample::Folder folder;
  std::ofstream(folder / "s.h5") << "mine";
  EXPECT_THAT(error_of([&] { Store::create(folder / "s.h5", sample::sweep(), kCreated); }), HasSubstr("exists already"));
  EXPECT_EQ(std::filesystem::file_size(folder / "s.h5"), 4U);
}

TEST(Store, RefusesAMissingDirectory) {
  const sample::Folder folder;
  EXPECT_THROW(Store::create(folder / "none/s.h5", sample::sweep(), kCreated), InputError);
}

TEST(Store, RefusesAnotherSweepAndNamesTheDifference) {
  const sample::Folder folder;
  Store::create(folder / "s.h5", sample::sweep(), kCreated);
  const std::string error = error_of([&] { Store::open(folder / "s.h5", sample::sweep(6, "Another")); });
  EXPECT_THAT(error, HasSubstr("another sweep"));
  EXPECT_THAT(error, HasSubstr("title"));
}

TEST(Store, RefusesOtherColumnsOfTheSameSweep) {
  const sample::Folder folder;
  Store::create(folder / "s.h5", sample::sweep(), kCreated);
  Sweep newer = sample::sweep();
  newer.columns.push_back({"gni", "1", "gradient noise interaction"});
  EXPECT_THAT(error_of([&] { Store::open(folder / "s.h5", newer); }), HasSubstr("other columns"));
}

TEST(Store, RefusesFilesThatAreNoStore) {
  const sample::Folder folder;
  std::ofstream(folder / "text.h5") << "not HDF5 at all";
  EXPECT_THAT(error_of([&] { StoreReader(folder / "text.h5"); }), HasSubstr("no whole HDF5 file"));
  EXPECT_THAT(error_of([&] { StoreReader(folder / "none.h5"); }), HasSubstr("no such file"));
  hdf5::Writer(folder / "other.h5").close();
  EXPECT_THAT(error_of([&] { StoreReader(folder / "other.h5"); }), HasSubstr("no edgesweep store"));
  hdf5::Writer future(folder / "future.h5");
  future.set_root_attributes({{"schema_version", std::int64_t{999}}});
  future.close();
  EXPECT_THAT(error_of([&] { Store::open(folder / "future.h5", sample::sweep()); }), HasSubstr("schema version 999"));
  Store::create(folder / "s.h5", sample::sweep(), kCreated);
  std::filesystem::resize_file(folder / "s.h5", std::filesystem::file_size(folder / "s.h5") - 1);
  EXPECT_THAT(error_of([&] { StoreReader(folder / "s.h5"); }), HasSubstr("is damaged"));
  std::filesystem::resize_file(folder / "s.h5", std::filesystem::file_size(folder / "s.h5") - 2000);
  EXPECT_THAT(error_of([&] { StoreReader(folder / "s.h5"); }), HasSubstr("no whole HDF5 file"));
}

TEST(Store, RefusesColumnsThatClash) {
  const sample::Folder folder;
  Sweep twice = sample::sweep();
  twice.columns.push_back(twice.columns.back());
  EXPECT_THAT(error_of([&] { Store::create(folder / "s.h5", twice, kCreated); }), HasSubstr("hessian_lambda_max"));
  Sweep reserved = sample::sweep();
  reserved.columns.push_back({"status", "1", ""});
  EXPECT_THAT(error_of([&] { Store::create(folder / "s.h5", reserved, kCreated); }), HasSubstr("status"));
  Sweep lengths = sample::sweep();
  lengths.columns.push_back({"other", "1", "", 3, "eigenvalue"});
  EXPECT_THAT(error_of([&] { Store::create(folder / "s.h5", lengths, kCreated); }), HasSubstr("eigenvalue"));
  EXPECT_THAT(folder.names(), ElementsAre());
}

TEST(Store, TakesInterruptedTrialsAsPending) {
  const sample::Folder folder;
  const Sweep sweep = sample::sweep();
  {
    Store store = Store::create(folder / "s.h5", sweep, kCreated);
    store.write_record(3, 0, sample::values(3, 0));
    store.set_state(3, {TrialStatus::running, 0, 1, 10, 2});
    store.commit();
  }
  Store store = Store::open(folder / "s.h5", sweep);
  EXPECT_EQ(store.state(3).status, TrialStatus::pending);
  EXPECT_EQ(store.state(3).records, 1);
  EXPECT_EQ(store.state(3).attempts, 1);
  EXPECT_EQ(StoreReader(folder / "s.h5").state(0, 1, 1).status, TrialStatus::running);
  store.commit();
  EXPECT_EQ(StoreReader(folder / "s.h5").state(0, 1, 1).status, TrialStatus::pending);
}

TEST(Store, ClearedRecordsAreNaNAgain) {
  const sample::Folder folder;
  Store store = Store::create(folder / "s.h5", sample::sweep(), kCreated);
  for (std::int64_t record = 0; record < 6; ++record) store.write_record(0, record, sample::values(0, record));
  store.commit();
  store.clear_records(0);
  store.write_record(0, 0, sample::values(0, 0));
  store.commit();
  EXPECT_EQ(store.state(0).records, 1);
  const std::vector<double> steps = hdf5::Reader(folder / "s.h5").reals("step");
  EXPECT_EQ(steps[0], 0.0);
  for (std::size_t record = 1; record < 6; ++record) EXPECT_TRUE(std::isnan(steps[record]));
}

TEST(Store, OverwritesRecordsThatAreSentAgain) {
  const sample::Folder folder;
  Store store = Store::create(folder / "s.h5", sample::sweep(), kCreated);
  for (std::int64_t record = 0; record < 4; ++record) store.write_record(0, record, sample::values(1, record));
  store.commit();
  store.write_record(0, 1, sample::values(0, 1));
  store.write_record(0, 3, sample::values(0, 3));
  store.commit();
  EXPECT_THAT(StoreReader(folder / "s.h5").values("step", 0, 0, 0), ElementsAre(1.0, 0.01, 1.02, 0.03));
}

TEST(Store, RefusesRecordsOutOfOrderOrOfAnotherLength) {
  const sample::Folder folder;
  Store store = Store::create(folder / "s.h5", sample::sweep(), kCreated);
  EXPECT_THROW(store.write_record(0, 1, sample::values(0, 1)), SystemError);
  EXPECT_THROW(store.write_record(0, -1, sample::values(0, 1)), SystemError);
  EXPECT_THROW(store.write_record(0, 0, std::vector<double>(5)), SystemError);
  EXPECT_THROW(store.write_record(16, 0, sample::values(16, 0)), SystemError);
  for (std::int64_t record = 0; record < 6; ++record) store.write_record(0, record, sample::values(0, record));
  EXPECT_THROW(store.write_record(0, 6, sample::values(0, 6)), SystemError);
}

TEST(Store, KeepsASweepOfMoreThan64Kilobytes) {
  const sample::Folder folder;
  const std::string title(300'000, 'x');
  Sweep sweep = sample::sweep(6, title);
  sweep.title = "short";
  Store::create(folder / "s.h5", sweep, kCreated);
  EXPECT_EQ(StoreReader(folder / "s.h5").sweep().at("title"), title);
}

TEST(Store, ThatWasDeletedOrReplacedIsSavedAside) {
  for (const bool replaced : {false, true}) {
    const sample::Folder folder;
    const std::string path = folder / "s.h5";
    const Sweep sweep = sample::sweep();
    Store store = Store::create(path, sweep, "2026-01-31T12:00:00Z");
    store.require_in_place();
    store.write_record(0, 0, sample::values(0, 0));
    store.commit();
    std::filesystem::remove(path);
    if (replaced) write_file_atomically(path, std::string_view("another's"));
    try {
      store.require_in_place();
      ADD_FAILURE();
    } catch (const OwnershipLost& error) {
      EXPECT_EQ(error.reason(), "was deleted, moved or replaced while this run wrote it; what it held is saved as " + path + ".rescued");
    }
    EXPECT_EQ(StoreReader(path + ".rescued").state(0, 0, 0).records, 1);
    if (replaced) {
      EXPECT_EQ(read_text_file(path), "another's");
    }
  }
}

}  // namespace
}  // namespace edgesweep
