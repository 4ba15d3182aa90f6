#include "engine/spec/override.hpp"

#include <algorithm>
#include <charconv>

#include "engine/base/error.hpp"
#include "engine/spec/json_text.hpp"

namespace edgesweep {
namespace {

std::string shown(const std::string& option) {
  return Json(option).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Walks a document along a path such as `grid[0].batch[2]`, or `grid.0.batch.2` where the shell minds brackets.
class Path {
 public:
  Path(const std::string& path, const std::string& option) : path_(path), option_(option) {}

  Json* follow(Json& document) {
    Json* node = &document;
    do {
      node = next_ < path_.size() && path_[next_] == '[' ? element(*node) : member(*node);
    } while (next_ < path_.size());
    return node;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw InputError("--set", shown(option_) + ": " + reason);
  }

  std::string walked() const { return next_ == 0 ? "the sweep" : path_.substr(0, next_); }

  Json* member(Json& node) {
    const std::size_t start = next_ > 0 && path_[next_] == '.' ? next_ + 1 : next_;
    const std::size_t end = std::min(path_.find_first_of(".[", start), path_.size());
    const std::string key = path_.substr(start, end - start);
    const bool separated = next_ == 0 || start > next_;
    if (!separated || key.empty() || end + 1 == path_.size()) {
      fail("is not of the form path=value, with a path such as grid[0].epochs");
    }
    if (node.is_array() && key.find_first_not_of("0123456789") == std::string::npos) {
      return element_at(node, key, end);
    }
    if (!node.is_object() && !node.is_null()) {
      fail(walked() + " is " + (node.is_array() ? "a list" : "a plain value") + ", not an object");
    }
    next_ = end;
    return &node[key];
  }

  Json* element(Json& node) {
    const std::size_t close = path_.find(']', next_);
    if (close == std::string::npos) {
      fail("has no whole number in [ ]");
    }
    return element_at(node, path_.substr(next_ + 1, close - next_ - 1), close + 1);
  }

  /// The element that `text` counts; the path goes on at `next`.
  Json* element_at(Json& node, const std::string& text, std::size_t next) {
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (text.empty() || end != text.data() + text.size() || error != std::errc()) {
      fail("has no whole number in [ ]");
    }
    if (!node.is_array()) {
      fail(walked() + " is not a list");
    }
    if (index >= node.size()) {
      fail(walked() + " has " + std::to_string(node.size()) + " elements, counted from 0");
    }
    next_ = next;
    return &node[index];
  }

  const std::string path_;
  const std::string& option_;
  std::size_t next_ = 0;
};

Json value_of(const std::string& text, const std::string& option) {
  try {
    return parse_json(text, "--set");
  } catch (const InputError&) {
    Json value = text;
    // JSON can't hold other bytes, and dump() would throw far from here.
    if (value.dump(-1, ' ', false, Json::error_handler_t::ignore) !=
        value.dump(-1, ' ', false, Json::error_handler_t::replace)) {
      throw InputError("--set", shown(option) + ": the value is not UTF-8 text");
    }
    return value;
  }
}

}  // namespace

void apply_override(Json& document, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw InputError("--set",
                     shown(text) + ": is not of the form path=value, with a path such as grid[0].epochs");
  }
  *Path(text.substr(0, equals), text).follow(document) = value_of(text.substr(equals + 1), text);
}

}  // namespace edgesweep
