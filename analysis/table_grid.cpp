#include "analysis/table_grid.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>

namespace edgesweep {
namespace {

using AxisIndex = std::map<std::int64_t, std::size_t>;

std::int64_t integer_of(const TableValue& value, const std::vector<std::string>& categories) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  const auto found = std::find(categories.begin(), categories.end(), std::get<std::string>(value));
  return found == categories.end() ? -1 : found - categories.begin();
}

std::string described(const TableColumn& column) {
  std::string text = column.long_name;
  for (std::size_t code = 0; code < column.categories.size(); ++code) {
    text += (code == 0 ? ": " : ", ") + std::to_string(code) + " " + column.categories[code];
  }
  return text;
}

/// Position of a row in a row-major array over the first `axes` axes.
std::size_t offset_of(const std::vector<TableValue>& row, const std::vector<AxisIndex>& index,
                      std::size_t axes) {
  std::size_t offset = 0;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    offset = offset * index[axis].size() + index[axis].at(std::get<std::int64_t>(row[axis]));
  }
  return offset;
}

TableVariable grid_variable(const Table& table, std::size_t at, const std::vector<AxisIndex>& index) {
  const TableColumn& column = table.columns[at];
  TableVariable variable{column.name, {}, column.units, described(column), {}, {}};
  std::size_t size = 1;
  for (std::size_t axis = 0; axis < column.axes; ++axis) {
    variable.dimensions.push_back(table.axes[axis].name);
    size *= table.axes[axis].values.size();
  }
  const std::size_t field = table.axes.size() + at;
  const bool real = table.rows.empty() || std::holds_alternative<double>(table.rows.front()[field]);
  if (real) {
    variable.reals.assign(size, std::numeric_limits<double>::quiet_NaN());
  } else {
    variable.integers.assign(size, column.categories.empty() ? 0 : -1);
  }
  for (const auto& row : table.rows) {
    const std::size_t offset = offset_of(row, index, column.axes);
    if (real) {
      variable.reals[offset] = std::get<double>(row[field]);
    } else {
      variable.integers[offset] = integer_of(row[field], column.categories);
    }
  }
  return variable;
}

}  // namespace

TableFile table_grid(const Table& table) {
  TableFile file;
  file.attributes = {{"title", "edgesweep " + table.name + " table"}};
  std::vector<AxisIndex> index;
  for (const TableAxis& axis : table.axes) {
    file.dimensions.emplace_back(axis.name, static_cast<std::int64_t>(axis.values.size()));
    file.variables.push_back({axis.name, {axis.name}, "1", axis.long_name, {}, axis.values});
    AxisIndex positions;
    for (const std::int64_t value : axis.values) positions.emplace(value, positions.size());
    index.push_back(std::move(positions));
  }
  for (std::size_t at = 0; at < table.columns.size(); ++at) {
    file.variables.push_back(grid_variable(table, at, index));
    const std::string& name = table.columns[at].name;
    if (name == "eta" || name == "eta_over_batch")
      file.coordinates += (file.coordinates.empty() ? "" : " ") + name;
  }
  return file;
}

}  // namespace edgesweep
