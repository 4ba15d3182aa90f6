#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/json.hpp"

namespace edgesweep {

/// What values a number may take; printed in error messages.
struct Range {
  double low;
  double high;
  bool low_open = false;   ///< low itself is not allowed
  bool high_open = false;  ///< high itself is not allowed

  static Range any();
  static Range positive();                      ///< (0, inf)
  static Range not_negative();                  ///< [0, inf)
  static Range at_least(double low);            ///< [low, inf)
  static Range between(double low, double high);  ///< [low, high]
};

/// Reads one JSON object of a sweep file strictly.
/// Every getter throws InputError naming the file and the JSON path (`sweep.json: experiment.model.hidden[1]`) on a
/// missing required key (no fallback given), a wrong type or an impossible value. `finish()` throws on keys that no
/// getter asked for, and names the allowed ones.
class ObjectReader {
 public:
  /// `file` names the source in messages, `path` is the JSON path of `value` ("" at the root).
  /// Throws InputError if `value` is not an object.
  ObjectReader(const Json& value, std::string file, std::string path);

  bool has(const std::string& key);
  double number(const std::string& key, Range range, std::optional<double> fallback = std::nullopt);
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> fallback = std::nullopt);
  bool boolean(const std::string& key, std::optional<bool> fallback = std::nullopt);
  std::string text(const std::string& key, std::optional<std::string> fallback = std::nullopt);
  /// One of `allowed`, else an error that lists them.
  std::string choice(const std::string& key, const std::vector<std::string>& allowed,
                     std::optional<std::string> fallback = std::nullopt);
  std::vector<double> numbers(const std::string& key, Range each);
  std::vector<std::int64_t> integers(const std::string& key, std::int64_t low, std::int64_t high);
  /// The object at `key`; an absent one reads as {} if `optional`.
  ObjectReader object(const std::string& key, bool optional = false);
  /// The raw value at `key`, which must exist.
  const Json& raw(const std::string& key);

  /// Throws InputError that names the first key nobody read, and the allowed keys.
  void finish() const;

  /// Throws InputError at this object's `key` ("" for the object itself).
  [[noreturn]] void fail(const std::string& key, const std::string& reason) const;

  const std::string& file() const { return file_; }
  /// JSON path of `key` in this object.
  std::string path_of(const std::string& key) const;

 private:
  const Json* find(const std::string& key);
  const Json& require(const std::string& key);

  Json value_;  // a copy: an optional absent object has no home elsewhere
  std::string file_;
  std::string path_;
  std::set<std::string> asked_;
};

}  // namespace edgesweep
