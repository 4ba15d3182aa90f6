#include "workers/training/schedule.hpp"

#include <stdexcept>

namespace edgesweep {

Json canonical_schedule(ObjectReader reader) {
  const Json canonical = {{"name", reader.choice("name", {"constant"}, "constant")}};
  reader.finish();
  return canonical;
}

Schedule make_schedule(const Json& canonical, double eta) {
  const auto name = canonical.at("name").get<std::string>();
  if (name == "constant") return [eta](std::int64_t) { return eta; };
  throw std::invalid_argument("unknown schedule " + name);
}

}  // namespace edgesweep
