#include "engine/spec/object_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Shortest decimal text that reads back as the same number.
std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// A value as a message shows it: JSON in ASCII on one line, cut if long.
std::string shown(const Json& value) {
  constexpr std::size_t longest = 60;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : ", ") + item;
  }
  return text;
}

std::string described(const Range& range) {
  const bool has_low = range.low > -infinity;
  const bool has_high = range.high < infinity;
  if (has_low && has_high && !range.low_open && !range.high_open) {
    return "a number from " + shortest(range.low) + " to " + shortest(range.high);
  }
  std::string text = "a number";
  if (has_low) {
    text += (range.low_open ? " > " : " >= ") + shortest(range.low);
  }
  if (has_high) {
    text += (has_low ? " and" : "") + std::string(range.high_open ? " < " : " <= ") + shortest(range.high);
  }
  return text;
}

std::string described(std::int64_t low, std::int64_t high) {
  if (high == std::numeric_limits<std::int64_t>::max()) {
    return "an integer >= " + std::to_string(low);
  }
  return "an integer from " + std::to_string(low) + " to " + std::to_string(high);
}

std::optional<double> as_number(const Json& value, const Range& range) {
  if (!value.is_number()) {
    return std::nullopt;
  }
  const double number = value.get<double>();
  const bool high_enough = range.low_open ? number > range.low : number >= range.low;
  const bool low_enough = range.high_open ? number < range.high : number <= range.high;
  if (!std::isfinite(number) || !high_enough || !low_enough) {
    return std::nullopt;
  }
  return number + 0.0;  // −0 would make another canonical text than 0
}

std::optional<std::int64_t> as_integer(const Json& value, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  if (value.is_number_float()) {
    const double given = value.get<double>();
    constexpr double beyond = 9223372036854775808.0;  // 2^63
    if (!(given >= -beyond && given < beyond) || given != std::floor(given)) {
      return std::nullopt;
    }
    number = static_cast<std::int64_t>(given);
  } else if (value.is_number_unsigned()) {
    const auto given = value.get<std::uint64_t>();
    if (given > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    number = static_cast<std::int64_t>(given);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else {
    return std::nullopt;
  }
  if (number < low || number > high) {
    return std::nullopt;
  }
  return number;
}

std::string element(const std::string& key, std::size_t index) {
  return key + "[" + std::to_string(index) + "]";
}

}  // namespace

Range Range::any() {
  return {-infinity, infinity};
}
Range Range::positive() {
  return {0, infinity, true};
}
Range Range::not_negative() {
  return {0, infinity};
}
Range Range::at_least(double low) {
  return {low, infinity};
}
Range Range::between(double low, double high) {
  return {low, high};
}

ObjectReader::ObjectReader(const Json& value, std::string file, std::string path)
    : value_(value), file_(std::move(file)), path_(std::move(path)) {
  if (!value_.is_object()) {
    fail("", "is " + shown(value_) + "; must be an object");
  }
}

bool ObjectReader::has(const std::string& key) {
  return find(key) != nullptr;
}

double ObjectReader::number(const std::string& key, Range range, std::optional<double> fallback) {
  if (fallback && !has(key)) {
    return *fallback;
  }
  const Json& value = require(key);
  if (const auto number = as_number(value, range)) {
    return *number;
  }
  fail(key, "is " + shown(value) + "; must be " + described(range));
}

std::int64_t ObjectReader::integer(const std::string& key, std::int64_t low, std::int64_t high,
                                   std::optional<std::int64_t> fallback) {
  if (fallback && !has(key)) {
    return *fallback;
  }
  const Json& value = require(key);
  if (const auto number = as_integer(value, low, high)) {
    return *number;
  }
  fail(key, "is " + shown(value) + "; must be " + described(low, high));
}

bool ObjectReader::boolean(const std::string& key, std::optional<bool> fallback) {
  if (fallback && !has(key)) {
    return *fallback;
  }
  const Json& value = require(key);
  if (value.is_boolean()) {
    return value.get<bool>();
  }
  fail(key, "is " + shown(value) + "; must be true or false");
}

std::string ObjectReader::text(const std::string& key, std::optional<std::string> fallback) {
  if (fallback && !has(key)) {
    return *fallback;
  }
  const Json& value = require(key);
  if (value.is_string()) {
    return value.get<std::string>();
  }
  fail(key, "is " + shown(value) + "; must be a string");
}

std::string ObjectReader::choice(const std::string& key, const std::vector<std::string>& allowed,
                                 std::optional<std::string> fallback) {
  if (fallback && !has(key)) {
    return *fallback;
  }
  const Json& value = require(key);
  if (value.is_string() &&
      std::find(allowed.begin(), allowed.end(), value.get<std::string>()) != allowed.end()) {
    return value.get<std::string>();
  }
  fail(key, "is " + shown(value) + "; must be one of " + joined(allowed));
}

std::vector<double> ObjectReader::numbers(const std::string& key, Range each) {
  const Json& value = require(key);
  if (!value.is_array()) {
    fail(key, "is " + shown(value) + "; must be a list, each " + described(each));
  }
  std::vector<double> numbers;
  for (const Json& item : value) {
    const auto number = as_number(item, each);
    if (!number) {
      fail(element(key, numbers.size()), "is " + shown(item) + "; must be " + described(each));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<std::int64_t> ObjectReader::integers(const std::string& key, std::int64_t low,
                                                 std::int64_t high) {
  const Json& value = require(key);
  if (!value.is_array()) {
    fail(key, "is " + shown(value) + "; must be a list, each " + described(low, high));
  }
  std::vector<std::int64_t> numbers;
  for (const Json& item : value) {
    const auto number = as_integer(item, low, high);
    if (!number) {
      fail(element(key, numbers.size()), "is " + shown(item) + "; must be " + described(low, high));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

ObjectReader ObjectReader::object(const std::string& key, bool optional) {
  if (optional && !has(key)) {
    return {Json::object(), file_, path_of(key)};
  }
  return {require(key), file_, path_of(key)};
}

const Json& ObjectReader::raw(const std::string& key) {
  return require(key);
}

void ObjectReader::finish() const {
  for (const auto& [key, value] : value_.items()) {
    if (asked_.count(key) == 0) {
      const std::string reason = asked_.empty()
                                     ? "unknown key; none is allowed here"
                                     : "unknown key; allowed are " + joined({asked_.begin(), asked_.end()});
      fail(key.empty() ? "\"\"" : key, reason);
    }
  }
}

void ObjectReader::fail(const std::string& key, const std::string& reason) const {
  const std::string path = path_of(key);
  throw InputError(path.empty() ? file_ : file_ + ": " + path, reason);
}

std::string ObjectReader::path_of(const std::string& key) const {
  // Keys come from the file: a line break in one must not break the message.
  const bool plain =
      std::none_of(key.begin(), key.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  const std::string name = plain ? key : shown(key);
  return name.empty() || path_.empty() ? path_ + name : path_ + "." + name;
}

const Json* ObjectReader::find(const std::string& key) {
  asked_.insert(key);
  const auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

const Json& ObjectReader::require(const std::string& key) {
  if (const Json* value = find(key)) {
    return *value;
  }
  fail(key, "is missing; it has no default");
}

}  // namespace edgesweep
