#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/digest.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/store/store.hpp"

namespace edgesweep::sample {

inline constexpr std::int64_t kSteps = 100;

/// Three batch sizes with 3, 3 and 2 learning rates, two seeds: 16 trials, and 2 that do not exist.
inline Sweep sweep(std::int64_t most_records = 6, const std::string& title = "A sample sweep") {
  Sweep sweep;
  sweep.name = "sample";
  sweep.title = title;
  sweep.batches = {1, 4, 16};
  sweep.points = 3;
  sweep.seeds = {7, 11};
  sweep.records = {most_records, "linear"};
  for (std::int64_t batch = 0; batch < 3; ++batch)
    for (std::int64_t point = 0; point < (batch == 2 ? 2 : 3); ++point)
      sweep.cells.push_back({batch, point, sweep.batches[static_cast<std::size_t>(batch)],
                             0.125 * static_cast<double>(point + 1), kSteps});
  sweep.columns = {{"step", "1", "SGD steps taken"},
                   {"samples", "1", "examples seen"},
                   {"learning_rate", "1", "learning rate"},
                   {"K", "1", "noise kernel norm"},
                   {"hessian_lambda_max", "1", "largest eigenvalues of the Hessian", 2, "eigenvalue"}};
  sweep.canonical = {{"name", sweep.name}, {"title", title}, {"records", {{"count", most_records}}}};
  sweep.text = sweep.canonical.dump();
  sweep.digest = sha256_hex(sweep.text);
  return sweep;
}

inline std::int64_t trials(const Sweep& sweep) {
  return static_cast<std::int64_t>(sweep.cells.size() * sweep.seeds.size());
}

/// Values of a record: each tells its trial, record and place.
inline std::vector<double> values(std::int64_t trial, std::int64_t record) {
  std::vector<double> result;
  for (int place = 0; place < 6; ++place)
    result.push_back(static_cast<double>(trial) + 0.01 * static_cast<double>(record) + 1000.0 * place);
  return result;
}

/// A folder of its own, gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "edgesweep-store-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) found.push_back(entry.path().filename());
    return found;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace edgesweep::sample
