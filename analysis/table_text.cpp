#include "analysis/table_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/base/json.hpp"

namespace edgesweep {
namespace {

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + "\"";
}

std::string csv_field(const TableValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return number_text(*real);
  return csv_field(std::get<std::string>(value));
}

template <typename Field>
void append_line(std::string& text, const std::vector<Field>& fields) {
  for (std::size_t at = 0; at < fields.size(); ++at) {
    if (at > 0) text += ',';
    text += csv_field(fields[at]);
  }
  text += "\r\n";
}

Json json_value(const TableValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const double real = std::get<double>(value);
  if (std::isnan(real)) return nullptr;
  if (std::isinf(real)) return number_text(real);
  return real;
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer{};
  // Whole numbers (steps, samples) without exponent: 100000, not 1e+05.
  const bool whole = value == std::trunc(value) && std::abs(value) < 1e15;
  const auto end = whole ? std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::fixed)
                         : std::to_chars(buffer.begin(), buffer.end(), value);
  return {buffer.data(), end.ptr};
}

std::string csv_text(const Table& table) {
  std::string text;
  append_line(text, table.header());
  for (const auto& row : table.rows) append_line(text, row);
  return text;
}

std::string json_text(const Table& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json values = Json::array();
    for (const TableValue& value : row) values.push_back(json_value(value));
    rows.push_back(std::move(values));
  }
  const Json document{{"table", table.name}, {"columns", table.header()}, {"rows", std::move(rows)}};
  return document.dump() + "\n";
}

}  // namespace edgesweep
