#include "analysis/table.hpp"

namespace edgesweep {

std::vector<std::string> Table::header() const {
  std::vector<std::string> names;
  for (const TableAxis& axis : axes) names.push_back(axis.name);
  for (const TableColumn& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace edgesweep
