#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/spec/sweep.hpp"
#include "engine/store/store.hpp"
#include "engine/store/store_reader.hpp"

namespace edgesweep {

/// A file of this name goes with the object: what is left of a store that did not come to its end. One that was renamed stays.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path);
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  ~UnfinishedFile();

 private:
  std::string path_;
};

/// A trial as some store holds it.
struct TrialCopy {
  TrialState state;
  std::vector<std::vector<double>> records;  ///< by record: the values of the wanted columns, in their order
};

/// A trial of a store with these columns of it, of which only name and width count. Throws InputError if one is missing.
TrialCopy read_trial(const StoreReader& store, const Trial& place, const std::vector<Column>& columns);

/// Stages the trial's records and state; commits every few thousand records, the rest is the caller's.
class TrialWriter {
 public:
  explicit TrialWriter(Store& store) : store_(store) {}
  void write(std::int64_t trial_index, const TrialCopy& trial);

 private:
  Store& store_;
  std::int64_t staged_ = 0;
};

/// A trial of a sweep, and the store that it is in or goes to.
struct TrialHome {
  const Sweep& sweep;
  const Trial& trial;
  std::string store;  ///< S.h5
};

/// Copies the trial's parameter files that are not there yet. Throws SystemError.
void copy_parameters(const TrialHome& from, const TrialHome& to);

/// Copies the trial's checkpoint over what is there; false if there is no whole one. Throws SystemError.
bool copy_checkpoint(const TrialHome& from, const TrialHome& to);

}  // namespace edgesweep
