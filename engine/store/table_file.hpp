#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace edgesweep {

/// One variable of a netCDF-4 file. Values are row-major; exactly one of `reals` and `integers` is filled.
struct TableVariable {
  std::string name;
  std::vector<std::string> dimensions;  ///< names, each one of TableFile::dimensions
  std::string units;
  std::string long_name;
  std::vector<double> reals;
  std::vector<std::int64_t> integers;
};

/// A small netCDF-4 file that xarray opens: dimensions with coordinate variables, data variables, text attributes.
struct TableFile {
  std::vector<std::pair<std::string, std::int64_t>> dimensions;    ///< a variable of the same name is its coordinate;
                                                                   ///< without one the index 0, 1, … is written
  std::vector<TableVariable> variables;
  std::vector<std::pair<std::string, std::string>> attributes;     ///< of the root
  std::string coordinates;                                         ///< names of auxiliary coordinates, space-separated
};

/// Writes under a temporary name, syncs, renames. Throws InputError if the directory can't be written, else SystemError.
void write_table_file(const std::string& path, const TableFile& table);

}  // namespace edgesweep
