#include "engine/spec/json_text.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t deepest_level = 100;

/// "line 3, column 14": of byte `position` (1 is the first) of `text`; columns count bytes.
std::string line_and_column(const std::string& text, std::size_t position) {
  const std::size_t before = std::min(position == 0 ? 0 : position - 1, text.size());
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(before);
  const std::size_t line_start = before == 0 ? std::string::npos : text.rfind('\n', before - 1);
  const std::size_t column = line_start == std::string::npos ? before + 1 : before - line_start;
  return "line " + std::to_string(1 + std::count(text.begin(), end, '\n')) + ", column " +
         std::to_string(column);
}

/// Builds the document from the parser's events. The library's own builder keeps the last of duplicate keys
/// in silence.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    if (open_.back()->contains(name)) {
      throw InputError(file_ + ": " + path_to(name), "the key appears twice in its object");
    }
    key_ = name;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    constexpr int number_overflow = 406;
    std::string what = error.what();
    if (error.id == number_overflow) {
      what = token + " is too large for a number";
    } else if (const std::size_t start = what.find("syntax error"); start != std::string::npos) {
      what.erase(0, start);
    }
    throw InputError(file_, line_and_column(text_, position) + ": " + what);
  }

 private:
  Json& place_in_parent(Json value) {
    if (open_.empty()) {
      return root_ = std::move(value);
    }
    if (open_.back()->is_array()) {
      return open_.back()->emplace_back(std::move(value));
    }
    return (*open_.back())[key_] = std::move(value);
  }

  bool add(Json value) {
    place_in_parent(std::move(value));
    return true;
  }

  bool open(Json container) {
    if (open_.size() == deepest_level) {
      throw InputError(file_, "is nested deeper than " + std::to_string(deepest_level) + " levels");
    }
    keys_.push_back(key_);
    open_.push_back(&place_in_parent(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  /// JSON path of `name` in the innermost object.
  std::string path_to(const std::string& name) const {
    std::string path;
    for (std::size_t level = 1; level < open_.size(); ++level) {
      const Json& parent = *open_[level - 1];
      path += parent.is_array() ? "[" + std::to_string(parent.size() - 1) + "]"
                                : (path.empty() ? "" : ".") + keys_[level];
    }
    return path + (path.empty() ? "" : ".") + name;
  }

  const std::string& text_;
  const std::string& file_;
  Json root_;
  // Pointers stay valid: a container grows only while it is the innermost one, and then none of its children
  // is open.
  std::vector<Json*> open_;
  std::vector<std::string>
      keys_;         ///< of each open container, the key it has in its parent if that is an object
  std::string key_;  ///< of the value that comes next
};

}  // namespace

Json parse_json(const std::string& text, const std::string& file) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw InputError(file, "is empty; JSON is expected");
  }
  Builder builder(text, file);
  Json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace edgesweep
