// Makes FOLDER/s.h5 and FOLDER/t.nc for open_example_store.py.
#include <cstdio>
#include <exception>
#include <string>

#include "engine/store/store.hpp"
#include "engine/store/table_file.hpp"
#include "tests/engine/store/sample_sweep.hpp"

namespace edgesweep {
namespace {

void make_store(const std::string& path) {
  // More than 64 KB of sweep_json, which HDF5's old attribute format could not hold.
  Sweep sweep = sample::sweep(6, std::string(100'000, 'x'));
  sweep.title = "η × B";
  Store store = Store::create(path, sweep, "2026-01-31T12:00:00Z");
  for (std::int64_t record = 0; record < 6; ++record) store.write_record(0, record, sample::values(0, record));
  store.set_state(0, {TrialStatus::done, 0, 1, 100, 2.5});
  store.write_record(1, 0, sample::values(1, 0));
  store.set_state(1, {TrialStatus::diverged, 0, 1, 3, 0.5});
  store.close();
}

void make_table(const std::string& path) {
  write_table_file(path, {.dimensions = {{"batch", 2}, {"point", 3}},
                          .variables = {{"batch", {"batch"}, "1", "batch size", {}, {1, 4}},
                                        {"eta", {"batch", "point"}, "1", "learning rate", {1, 2, 3, 4, 5, 6}, {}},
                                        {"K", {"batch", "point"}, "1", "kernel norm", {6, 5, 4, 3, 2, 1}, {}},
                                        {"done", {"batch", "point"}, "1", "trials done", {}, {1, 1, 1, 0, 0, 2}}},
                          .attributes = {{"title", "A table"}},
                          .coordinates = "eta"});
}

}  // namespace
}  // namespace edgesweep

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const std::string folder = argv[1];
    edgesweep::make_store(folder + "/s.h5");
    edgesweep::make_table(folder + "/t.nc");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
