#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/json.hpp"
#include "engine/spec/catalog.hpp"
#include "engine/spec/sweep.hpp"
#include "engine/store/seal.hpp"
#include "engine/store/store.hpp"

namespace edgesweep {

class RawFile;

/// Where everything lies in a store. Offsets are in bytes from the start of the file; they never change after the file
/// was made, so that values are read and written in place without HDF5.
struct StoreLayout {
  Json sweep;
  std::string digest;
  std::string edgesweep_version;
  std::string created;
  std::string shard;  ///< "I/N", empty in the store of a whole sweep
  std::string data_identity;  ///< as StorePart's
  std::vector<std::int64_t> batches;
  std::vector<std::int64_t> seeds;
  std::int64_t points = 0;
  std::int64_t max_records = 0;
  std::vector<double> eta;  ///< (batch, point)
  std::vector<Column> columns;

  std::uint64_t status = 0;
  std::uint64_t records = 0;
  std::uint64_t attempts = 0;
  std::uint64_t steps = 0;
  std::uint64_t wall_seconds = 0;
  std::vector<std::uint64_t> column_offsets;  ///< beside `columns`

  /// Position of a trial in the (batch, point, seed) variables.
  std::int64_t slot(std::int64_t batch_index, std::int64_t point, std::int64_t seed_index) const {
    return (batch_index * points + point) * static_cast<std::int64_t>(seeds.size()) + seed_index;
  }
  std::int64_t slots() const { return slot(static_cast<std::int64_t>(batches.size()), 0, 0); }

  std::uint64_t status_at(std::int64_t trial_slot) const { return status + static_cast<std::uint64_t>(trial_slot); }
  /// Of an 8-byte (batch, point, seed) variable.
  static std::uint64_t wide_at(std::uint64_t variable, std::int64_t trial_slot) {
    return variable + 8 * static_cast<std::uint64_t>(trial_slot);
  }
  /// All bytes that change while the sweep runs, in order.
  std::vector<ByteRange> values() const;
  /// First value of a record in column `column`.
  std::uint64_t value_at(std::size_t column, std::int64_t trial_slot, std::int64_t record) const {
    return column_offsets[column] +
           8 * static_cast<std::uint64_t>((trial_slot * max_records + record) * columns[column].width);
  }
};

/// Reads a store's layout. Throws InputError if it is missing, no store, damaged, or of another schema version.
StoreLayout read_layout(const std::string& path);

/// What the store says of a trial now. Throws InputError if that is impossible.
TrialState read_state(const std::string& path, const RawFile& file, const StoreLayout& layout, std::int64_t slot);

/// Makes a whole, synced store at `path` for a sweep, with every trial pending but for those that are not the part's:
/// absent. Replaces what is there. Throws InputError if two columns clash, SystemError if the disk is full.
void write_empty_store(const std::string& path, const Sweep& sweep, const std::string& created, const StorePart& part);

}  // namespace edgesweep
