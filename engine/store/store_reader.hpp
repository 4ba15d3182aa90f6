#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"
#include "engine/store/store.hpp"

namespace edgesweep {

/// Read-only view of a store, also of one that is being written. Needs no catalog: all comes from the file.
class StoreReader {
 public:
  /// Throws InputError if the file is missing, is no store, damaged, or of another schema version.
  explicit StoreReader(const std::string& path);
  StoreReader(StoreReader&&) noexcept;
  StoreReader& operator=(StoreReader&&) noexcept;
  ~StoreReader();

  const std::string& path() const;
  const Json& sweep() const;          ///< the canonical sweep (`sweep_json`)
  const std::string& digest() const;  ///< `sweep_digest`
  const std::string& created() const;  ///< ISO 8601 UTC stamp
  const std::string& data_identity() const;  ///< of the data that it was made with, empty where there is nothing to tell
  const std::string& shard() const;   ///< "I/N", empty in the store of a whole sweep

  const std::vector<std::int64_t>& batches() const;  ///< coordinate `batch`
  const std::vector<std::int64_t>& seeds() const;    ///< coordinate `seed`
  std::int64_t points() const;                       ///< length of `point`
  std::int64_t max_records() const;                  ///< length of `record`
  const std::vector<Column>& columns() const;        ///< all record columns, in file order

  /// η of a cell, NaN where it is absent.
  double eta(std::int64_t batch_index, std::int64_t point) const;

  TrialState state(std::int64_t batch_index, std::int64_t point, std::int64_t seed_index) const;

  /// True if the store has the column.
  bool has(const std::string& column) const;

  /// The committed values of a column for one trial: records × width, row-major. While the store is being written their
  /// number may differ from an earlier state().records, and from column to column: more, or fewer if the trial starts over.
  /// Throws InputError if there is no such column.
  std::vector<double> values(const std::string& column, std::int64_t batch_index, std::int64_t point,
                             std::int64_t seed_index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace edgesweep
