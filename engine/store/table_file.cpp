#include "engine/store/table_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "engine/base/error.hpp"
#include "engine/base/file.hpp"
#include "engine/base/system_calls.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/raw_file.hpp"
#include "engine/store/schema.hpp"

namespace edgesweep {
namespace {

const TableVariable* find_variable(const TableFile& table, const std::string& name) {
  const auto found = std::ranges::find(table.variables, name, &TableVariable::name);
  return found == table.variables.end() ? nullptr : &*found;
}

std::int64_t length_of(const TableFile& table, const std::string& dimension) {
  for (const auto& [name, length] : table.dimensions)
    if (name == dimension) return length;
  throw SystemError("table", "a variable has the unknown dimension " + dimension);
}

void add_variable(hdf5::Writer& file, const TableFile& table, const TableVariable& variable) {
  const bool is_scale = variable.dimensions == std::vector{variable.name};
  const bool is_integer = !variable.integers.empty();
  hdf5::DatasetSpec spec{.name = variable.name,
                         .type = is_integer ? hdf5::Type::i8 : hdf5::Type::f8,
                         .dimensions = variable.dimensions,
                         .shape = {},
                         .fill_nan = !is_integer && !is_scale,
                         .attributes = {{schema::kUnits, variable.units}, {schema::kLongName, variable.long_name}}};
  for (const auto& dimension : variable.dimensions) spec.shape.push_back(length_of(table, dimension));
  const bool is_auxiliary = (" " + table.coordinates + " ").find(" " + variable.name + " ") != std::string::npos;
  if (!is_scale && !is_auxiliary && !table.coordinates.empty())
    spec.attributes.emplace_back(schema::kCoordinates, table.coordinates);
  file.add_dataset(spec);
  if (is_integer)
    file.write(variable.name, std::span(variable.integers));
  else
    file.write(variable.name, std::span(variable.reals));
}

/// At least the size of the file.
std::uint64_t predicted_bytes(const TableFile& table) {
  constexpr std::uint64_t kMetadataOfDataset = 4096;
  std::uint64_t bytes = kMetadataOfDataset * (table.variables.size() + table.dimensions.size() + 4);
  for (const auto& [name, length] : table.dimensions) bytes += 8 * static_cast<std::uint64_t>(length);
  for (const auto& variable : table.variables) bytes += 8 * (variable.reals.size() + variable.integers.size());
  for (const auto& [name, text] : table.attributes) bytes += text.size();
  return bytes;
}

void write_content(const std::string& path, const TableFile& table) {
  hdf5::Writer file(path);
  hdf5::Attributes root{{schema::kConventions, std::string(schema::kConventionsValue)}};
  for (const auto& [name, text] : table.attributes) root.emplace_back(name, text);
  file.set_root_attributes(root);
  for (const auto& [name, length] : table.dimensions) {
    if (const TableVariable* coordinate = find_variable(table, name)) {
      add_variable(file, table, *coordinate);
    } else {
      TableVariable index{.name = name, .dimensions = {name}, .units = "1", .long_name = name + " index",
                          .reals = {}, .integers = {}};
      index.integers.resize(static_cast<std::size_t>(length));
      std::iota(index.integers.begin(), index.integers.end(), 0);
      add_variable(file, table, index);
    }
  }
  for (const auto& variable : table.variables)
    if (variable.dimensions != std::vector{variable.name}) add_variable(file, table, variable);
  file.close();
}

}  // namespace

void write_table_file(const std::string& path, const TableFile& table) {
  require_writable_directory(path);
  const std::string partial = path + ".partial." + std::to_string(getpid());
  require_room(partial, predicted_bytes(table));
  try {
    write_content(partial, table);
    sync_path(partial);
    if (!calls::rename(partial, path))
      throw SystemError(path, std::string("renaming it into place failed: ") + std::strerror(errno));
    sync_path(directory_of(path));
  } catch (...) {
    unlink(partial.c_str());
    throw;
  }
}

}  // namespace edgesweep
