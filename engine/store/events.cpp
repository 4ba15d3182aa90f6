#include "engine/store/events.hpp"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "engine/base/clock.hpp"

namespace edgesweep {

EventLog::EventLog(const std::string& path) : lines_(path) {}

void EventLog::write(const Event& event) {
  // Ordered, so that a person who reads the file finds the time first.
  nlohmann::ordered_json line{{"time", utc_timestamp()}, {"event", event.name}};
  const auto put = [&line](const char* key, const std::optional<std::int64_t>& value) {
    if (value) line[key] = *value;
  };
  put("trial", event.trial);
  put("rank", event.rank);
  put("step", event.step);
  put("records", event.records);
  if (!event.reason.empty()) line["reason"] = event.reason;
  // A reason may quote bytes that are no UTF-8, which must not stop the sweep.
  lines_.append(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void EventLog::sync() { lines_.sync(); }

namespace {

std::vector<Json> read_lines(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  if (access(path.c_str(), F_OK) != 0) return {};
  std::istringstream text(read_text_file(path));
  std::vector<Json> events;
  for (std::string line; std::getline(text, line);) {
    if (!wanted(line)) continue;
    Json event = Json::parse(line, nullptr, false);
    if (event.is_object()) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace

std::vector<Json> read_events(const std::string& path) {
  return read_lines(path, [](const std::string&) { return true; });
}

std::vector<Json> read_events(const std::string& path, const std::vector<std::string>& names) {
  std::vector<Json> events = read_lines(path, [&](const std::string& line) {
    return std::ranges::any_of(names, [&](const std::string& name) { return line.find(name) != std::string::npos; });
  });
  std::erase_if(events, [&](const Json& event) {
    const auto name = event.find("event");
    return name == event.end() || !name->is_string() || std::ranges::find(names, name->get<std::string>()) == names.end();
  });
  return events;
}

}  // namespace edgesweep
