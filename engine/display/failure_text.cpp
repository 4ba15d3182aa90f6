#include "engine/display/failure_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/clock.hpp"
#include "engine/display/duration.hpp"

namespace edgesweep {
namespace {

constexpr std::size_t kMostReasons = 8;
constexpr std::size_t kMostPlaces = 6;

std::string place_text(const Json& trial) {
  char text[96];
  std::snprintf(text, sizeof text, "B=%lld eta=%.4g seed %lld", trial.at("batch").get<long long>(),
                trial.at("eta").get<double>(), trial.at("seed").get<long long>());
  return text;
}

/// The places of some trials, indented, a comma between two.
std::string places_text(const std::vector<const Json*>& trials, std::size_t width) {
  std::string text;
  std::string line = " ";
  const std::size_t shown = std::min(kMostPlaces, trials.size());
  for (std::size_t i = 0; i <= shown; ++i) {
    std::string word;
    if (i < shown) {
      word = place_text(*trials[i]) + (i + 1 < trials.size() ? "," : "");
    } else if (shown < trials.size()) {
      word = "... and " + std::to_string(trials.size() - shown) + " more";
    }
    if (line.size() + 1 + word.size() > width) {
      text += line + "\n";
      line = " ";
    }
    line += word.empty() ? "" : " " + word;
  }
  return text + line + "\n";
}

std::string attempts_text(const std::vector<const Json*>& trials) {
  std::set<std::int64_t> attempts;
  for (const Json* trial : trials) {
    attempts.insert(trial->at("attempts").get<std::int64_t>());
  }
  const std::string most = std::to_string(*attempts.rbegin()) + (*attempts.rbegin() == 1 ? " attempt" : " attempts");
  return attempts.size() > 1 ? "up to " + most : most;
}

std::string failures_by_reason(const Json& failures, std::size_t width) {
  std::map<std::string, std::vector<const Json*>> by_reason;
  for (const Json& failure : failures) {
    by_reason[failure.at("reason").get<std::string>()].push_back(&failure);
  }
  using Group = std::pair<std::string, std::vector<const Json*>>;
  std::vector<Group> groups(by_reason.begin(), by_reason.end());
  std::ranges::stable_sort(groups, [](const Group& a, const Group& b) { return a.second.size() > b.second.size(); });
  std::string text;
  for (std::size_t i = 0; i < std::min(kMostReasons, groups.size()); ++i) {
    const auto& [reason, trials] = groups[i];
    text += "failed, " + attempts_text(trials) + ": " + reason + "\n" + places_text(trials, width);
  }
  if (groups.size() > kMostReasons) {
    text += "... and for " + std::to_string(groups.size() - kMostReasons) + " more reasons (--json has them all)\n";
  }
  return text;
}

/// Empty if nobody can tell when that was.
std::string incident_text(const Json& incident, double now) {
  const auto event = incident.at("event").get<std::string>();
  const auto reason = incident.at("reason").get<std::string>();
  const auto time = read_utc_timestamp(incident.at("time").get<std::string>());
  if (!time) {
    return "";
  }
  std::string text = duration_text(std::max(0.0, now - *time)) + " ago: ";
  if (event == "failed" && incident.contains("trial")) {
    text += place_text(incident) + " failed";
    if (incident.contains("rank")) {
      text += " on worker " + std::to_string(incident.at("rank").get<std::int64_t>());
    }
  } else if (event == "reopened") {
    return text + "went on" + (reason.empty() ? "" : " with " + reason) + "\n";
  } else {
    text += event;
  }
  return text + (reason.empty() ? "" : ": " + reason) + "\n";
}

}  // namespace

std::string failure_text(const Json& status, std::size_t width) {
  std::string text;
  const Json& failures = status.at("failures");
  std::set<std::int64_t> told;
  if (!failures.empty()) {
    text += "\n" + failures_by_reason(failures, width);
    for (const Json& failure : failures) {
      told.insert(failure.at("trial").get<std::int64_t>());
    }
  }
  const double now = read_utc_timestamp(status.at("time").get<std::string>()).value_or(0);
  std::string lately;
  for (const Json& incident : status.at("incidents")) {
    if (!incident.contains("trial") || !told.contains(incident.at("trial").get<std::int64_t>())) {
      lately += incident_text(incident, now);
    }
  }
  return text + (lately.empty() ? "" : "\n" + lately);
}

}  // namespace edgesweep
