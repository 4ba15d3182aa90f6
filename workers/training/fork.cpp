#include "workers/training/fork.hpp"

#include <limits>

namespace edgesweep {
namespace {

constexpr std::int64_t most_steps = 1'000'000'000'000;
constexpr std::size_t key_digits = 64;

bool is_key(const std::string& text) {
  return text.size() == key_digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Json canonical_fork(ObjectReader reader, std::int64_t train_examples) {
  Json canonical;
  canonical["steps"] = reader.integer("steps", 1, most_steps);
  canonical["step"] = reader.integer("step", 1, canonical["steps"]);
  canonical["batch"] = reader.integer("batch", 1, train_examples);
  canonical["eta"] = reader.number("eta", Range::positive());
  canonical["seed"] = reader.integer("seed", 0, std::numeric_limits<std::int64_t>::max());
  canonical["key"] = reader.text("key");
  if (!is_key(canonical["key"].get<std::string>())) {
    reader.fail("key", "found \"" + canonical["key"].get<std::string>() +
                           "\"; expected the parent's trial key, 64 hexadecimal digits: run --fork STORE:TRIAL@STEP writes it");
  }
  reader.finish();
  return canonical;
}

std::optional<Fork> fork_of(const Json& experiment) {
  if (!experiment.contains("fork")) return std::nullopt;
  const Json& fork = experiment.at("fork");
  return Fork{fork.at("step"), fork.at("batch"), fork.at("eta"), fork.at("steps"), fork.at("seed"), fork.at("key")};
}

}  // namespace edgesweep
