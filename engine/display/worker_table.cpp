#include "engine/display/worker_table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "engine/display/duration.hpp"

namespace edgesweep {
namespace {

/// Lost ones first, those without a trial last.
int urgency(const Json& worker) {
  const auto& state = worker.at("state");
  return state == "lost" ? 0 : state == "running" ? 1 : 2;
}

std::string share(const Json& worker, const char* part, const char* whole) {
  return std::to_string(worker.at(part).get<std::int64_t>()) + "/" + std::to_string(worker.at(whole).get<std::int64_t>());
}

std::string line_of(const Json& worker) {
  char text[256];
  const auto rank = worker.at("rank").get<long long>();
  const std::string time = duration_text(worker.at("seconds").get<double>());
  if (worker.at("state") != "running") {
    std::snprintf(text, sizeof text, "%6lld  %s for %s\n", rank, worker.at("state").get<std::string>().c_str(), time.c_str());
    return text;
  }
  const Json& left = worker.at("seconds_left");
  const auto attempt = worker.at("attempt").get<std::int64_t>();
  std::snprintf(text, sizeof text, "%6lld %7lld %10.4g %4lld %8s %16s %11s %11s%s\n", rank,
                worker.at("batch").get<long long>(), worker.at("eta").get<double>(), worker.at("seed").get<long long>(),
                share(worker, "records", "records_total").c_str(), share(worker, "step", "steps").c_str(), time.c_str(),
                left.is_number() ? duration_text(left.get<double>()).c_str() : "",
                attempt > 1 ? (" (" + std::to_string(attempt) + ")").c_str() : "");
  return text;
}

}  // namespace

std::string worker_table(const Json& workers, std::size_t most) {
  if (workers.empty()) {
    return "";
  }
  std::vector<const Json*> order;
  for (const Json& worker : workers) {
    order.push_back(&worker);
  }
  std::ranges::stable_sort(order, [](const Json* a, const Json* b) {
    if (urgency(*a) != urgency(*b)) {
      return urgency(*a) < urgency(*b);
    }
    return a->at("seconds").get<double>() > b->at("seconds").get<double>();
  });
  char head[128];
  std::snprintf(head, sizeof head, "%6s %7s %10s %4s %8s %16s %11s %11s\n", "worker", "B", "eta", "seed", "record", "step",
                "for", "left");
  std::string text = head;
  const std::size_t shown = std::min(most, order.size());
  for (std::size_t i = 0; i < shown; ++i) {
    text += line_of(*order[i]);
  }
  if (shown < order.size()) {
    text += "       ... and " + std::to_string(order.size() - shown) + " more (--json has them all)\n";
  }
  return text;
}

}  // namespace edgesweep
