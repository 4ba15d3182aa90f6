#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace edgesweep {

using TableValue = std::variant<std::int64_t, double, std::string>;

/// A column of a table in long form.
struct TableColumn {
  std::string name;
  std::string units;
  std::string long_name;
  std::size_t axes = 0;                      ///< how many of the table's leading axes its values depend on
  std::vector<std::string> categories = {};  ///< of a text column: its possible values
};

/// One axis of the grid that a table's rows lie on.
struct TableAxis {
  std::string name;
  std::vector<std::int64_t> values;
  std::string long_name;
};

/// A table in long form: one row for each point of the grid that exists. The first columns are the axes'
/// values, in the axes' order; every row has one value a column.
struct Table {
  std::string name;
  std::vector<TableAxis> axes;
  std::vector<TableColumn> columns;  ///< beside the axes
  std::vector<std::vector<TableValue>> rows;

  /// Names of the axes, then of the columns.
  std::vector<std::string> header() const;
};

}  // namespace edgesweep
