#include "engine/cli/fork.hpp"

#include <charconv>
#include <optional>

#include "engine/base/error.hpp"
#include "engine/store/paths.hpp"
#include "engine/store/stored_sweep.hpp"

namespace edgesweep {
namespace {

constexpr const char* option = "--fork";

struct ForkPoint {
  std::string store;
  std::string trial;
  std::int64_t step = 0;
};

ForkPoint parse(const std::string& text) {
  const std::size_t at = text.rfind('@'), colon = text.rfind(':', at);
  ForkPoint point;
  bool valid = at != std::string::npos && colon != std::string::npos && colon > 0;
  if (valid) {
    point.store = text.substr(0, colon);
    point.trial = text.substr(colon + 1, at - colon - 1);
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + at + 1, end, point.step);
    valid = error == std::errc() && stop == end && point.step > 0;
  }
  if (!valid) {
    throw InputError(option, "found \"" + text + "\"; expected STORE:TRIAL@STEP, for example mnist.h5:b16-p3-s0@2000");
  }
  return point;
}

Trial trial_named(const std::string& name, const std::string& store, const Sweep& sweep) {
  for (std::int64_t index = 0; index < sweep.trial_count(); ++index) {
    const Trial trial = trial_place(sweep, index);
    if (name == trial_name(trial)) return make_trial(sweep, index);
  }
  throw InputError(option, store + " has no trial " + name + "; its trials are named b<B>-p<point>-s<seed>, the first one " +
                               trial_name(trial_place(sweep, 0)));
}

}  // namespace

Sweep load_forked_sweep(const std::string& path, const std::vector<std::string>& overrides, const std::string& fork,
                        const Catalog& catalog) {
  if (fork.empty()) return load_sweep(path, overrides, catalog);
  const ForkPoint point = parse(fork);
  const Sweep parent = stored_sweep(point.store, catalog);
  if (parent.experiment.contains("fork")) throw InputError(option, point.store + " is a forked sweep itself");
  const Trial trial = trial_named(point.trial, point.store, parent);
  if (point.step > trial.cell.steps) {
    throw InputError(option, "step " + std::to_string(point.step) + " is beyond the last step of " + point.trial + ", " +
                                 std::to_string(trial.cell.steps));
  }
  const Json forked = {{"step", point.step},        {"batch", trial.cell.batch}, {"eta", trial.cell.eta},
                       {"steps", trial.cell.steps}, {"seed", trial.seed},        {"key", trial.key}};
  std::vector<std::string> with_fork = overrides;
  with_fork.push_back("experiment.fork=" + forked.dump());
  Sweep sweep = load_sweep(path, with_fork, catalog);
  Json experiment = sweep.experiment;
  experiment.erase("fork");
  const std::string difference = first_difference(experiment, parent.experiment);
  if (!difference.empty()) {
    throw InputError(option, "the experiment is not that of " + point.store + ": experiment." + difference);
  }
  return sweep;
}

}  // namespace edgesweep
