#include "workers/training/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace edgesweep {
namespace {

constexpr std::int64_t most_steps = 1'000'000'000'000;

double cosine(double eta, double passed, double length) {
  return eta / 2 * (1 + std::cos(std::numbers::pi * std::min(1.0, passed / length)));
}

std::int64_t warmup_steps(const Json& canonical, const TrialLength& length) {
  if (canonical.contains("warmup_steps")) return canonical.at("warmup_steps").get<std::int64_t>();
  return std::llround(canonical.at("warmup_epochs").get<double>() * static_cast<double>(length.steps_per_epoch));
}

}  // namespace

Json canonical_schedule(ObjectReader reader) {
  const std::string name =
      reader.choice("name", {"constant", "step", "cosine", "warmup_cosine", "inverse_lambda_max"}, "constant");
  Json canonical = {{"name", name}};
  if (name == "step") {
    const std::vector<std::int64_t> at = reader.integers("at", 1, most_steps);
    if (!std::is_sorted(at.begin(), at.end())) reader.fail("at", "must increase");
    canonical["at"] = at;
    canonical["factor"] = reader.number("factor", Range::positive());
  } else if (name == "warmup_cosine") {
    if (reader.has("warmup_steps") == reader.has("warmup_epochs")) {
      reader.fail("", "needs one of warmup_steps and warmup_epochs");
    }
    if (reader.has("warmup_steps")) {
      canonical["warmup_steps"] = reader.integer("warmup_steps", 1, most_steps);
    } else {
      canonical["warmup_epochs"] = reader.number("warmup_epochs", Range::positive());
    }
  } else if (name == "inverse_lambda_max") {
    canonical["c"] = reader.number("c", Range::positive(), 1.0);
  }
  reader.finish();
  return canonical;
}

bool follows_lambda_max(const Json& canonical) { return canonical.at("name") == "inverse_lambda_max"; }

Schedule make_schedule(const Json& canonical, double eta, const TrialLength& length) {
  const auto name = canonical.at("name").get<std::string>();
  const auto total = static_cast<double>(length.steps);
  if (name == "constant") return [eta](std::int64_t, double) { return eta; };
  if (name == "step") {
    const auto at = canonical.at("at").get<std::vector<std::int64_t>>();
    return [eta, at, factor = canonical.at("factor").get<double>()](std::int64_t step, double) {
      const auto reached = std::upper_bound(at.begin(), at.end(), step) - at.begin();
      return eta * std::pow(factor, static_cast<double>(reached));
    };
  }
  if (name == "cosine") {
    return [eta, total](std::int64_t step, double) { return cosine(eta, static_cast<double>(step), total); };
  }
  if (name == "warmup_cosine") {
    const auto warmup = static_cast<double>(warmup_steps(canonical, length));
    return [eta, total, warmup](std::int64_t step, double) {
      const auto t = static_cast<double>(step);
      return t < warmup ? eta * (t + 1) / warmup : cosine(eta, t - warmup, std::max(1.0, total - warmup));
    };
  }
  if (name == "inverse_lambda_max") {
    return [eta, c = canonical.at("c").get<double>()](std::int64_t, double lambda_max) {
      return lambda_max > 0 ? std::min(eta, c / lambda_max) : eta;
    };
  }
  throw std::invalid_argument("unknown schedule " + name);
}

}  // namespace edgesweep
