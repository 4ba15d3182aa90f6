#include "engine/base/fault_injection.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"

namespace edgesweep {
namespace {

enum class Effect { fail, kill, torn, stop };

struct Fault {
  std::string process;
  FaultPoint point = FaultPoint::write;
  std::string text;
  std::int64_t first = 1;
  std::int64_t last = 1;
  Effect effect = Effect::fail;
  int error = 0;
  std::int64_t calls = 0;  ///< so far
};

constexpr std::array<std::pair<std::string_view, FaultPoint>, 5> kPoints{{{"write", FaultPoint::write},
                                                                          {"sync", FaultPoint::sync},
                                                                          {"rename", FaultPoint::rename},
                                                                          {"send", FaultPoint::send},
                                                                          {"receive", FaultPoint::receive}}};
constexpr std::array<std::pair<std::string_view, int>, 7> kErrors{{{"ENOSPC", ENOSPC},
                                                                   {"EDQUOT", EDQUOT},
                                                                   {"EIO", EIO},
                                                                   {"EROFS", EROFS},
                                                                   {"EPIPE", EPIPE},
                                                                   {"ENOENT", ENOENT},
                                                                   {"ESTALE", ESTALE}}};
constexpr std::array<std::pair<std::string_view, Effect>, 3> kEffects{
    {{"kill", Effect::kill}, {"torn", Effect::torn}, {"stop", Effect::stop}}};

// Calls come from everywhere, and from several threads; what is planned is one for the whole process.
std::atomic<bool> armed{false};
std::mutex mutex;
std::vector<Fault> faults;

template <typename Value, std::size_t size>
std::optional<Value> find_name(const std::array<std::pair<std::string_view, Value>, size>& names, std::string_view name) {
  for (const auto& [known, value] : names) {
    if (known == name) {
      return value;
    }
  }
  return std::nullopt;
}

bool parse_number(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0;
}

bool parse_count(std::string_view text, Fault& fault) {
  const std::size_t dash = text.find('-');
  if (!parse_number(text.substr(0, dash), fault.first)) {
    return false;
  }
  fault.last = fault.first;
  if (dash == std::string_view::npos) {
    return true;
  }
  fault.last = std::numeric_limits<std::int64_t>::max();
  return dash + 1 == text.size() || (parse_number(text.substr(dash + 1), fault.last) && fault.last >= fault.first);
}

bool parse_effect(std::string_view text, Fault& fault) {
  if (const auto error = find_name(kErrors, text)) {
    fault.error = *error;
    return true;
  }
  const auto effect = find_name(kEffects, text);
  fault.effect = effect.value_or(Effect::fail);
  return effect && (*effect != Effect::torn || fault.point == FaultPoint::write);
}

std::optional<Fault> parse_fault(std::string_view text) {
  const std::size_t effect = text.rfind(':');
  if (effect == std::string_view::npos || effect == 0) {
    return std::nullopt;
  }
  const std::size_t count = text.rfind(':', effect - 1);
  if (count == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view call = text.substr(0, count);
  Fault fault;
  if (const std::size_t at = call.find('@'); at != std::string_view::npos) {
    fault.text = call.substr(at + 1);
    call = call.substr(0, at);
  }
  if (const std::size_t slash = call.find('/'); slash != std::string_view::npos) {
    fault.process = call.substr(0, slash);
    call = call.substr(slash + 1);
  }
  const auto point = find_name(kPoints, call);
  if (!point) {
    return std::nullopt;
  }
  fault.point = *point;
  if (!parse_count(text.substr(count + 1, effect - count - 1), fault) || !parse_effect(text.substr(effect + 1), fault)) {
    return std::nullopt;
  }
  return fault;
}

std::vector<Fault> parse_plan(std::string_view plan, const std::string& source) {
  std::vector<Fault> planned;
  while (!plan.empty()) {
    const std::size_t comma = plan.find(',');
    const std::string_view text = plan.substr(0, comma);
    const auto fault = parse_fault(text);
    if (!fault) {
      throw InputError(source, "\"" + std::string(text) +
                                   "\" is no fault; expected [PROCESS/]CALL[@TEXT]:COUNT:EFFECT, such as write@.ckpt:3:ENOSPC");
    }
    planned.push_back(*fault);
    plan = comma == std::string_view::npos ? std::string_view() : plan.substr(comma + 1);
  }
  return planned;
}

void arm(std::vector<Fault> planned) {
  const std::lock_guard guard(mutex);
  faults = std::move(planned);
  armed = !faults.empty();
}

}  // namespace

void set_faults(const std::string& plan, const std::string& source) { arm(parse_plan(plan, source)); }

void set_faults_from_environment(const std::string& process) {
  const char* plan = std::getenv("EDGESWEEP_FAULTS");
  std::vector<Fault> planned = parse_plan(plan == nullptr ? "" : plan, "EDGESWEEP_FAULTS");
  std::erase_if(planned, [&](const Fault& fault) { return !fault.process.empty() && fault.process != process; });
  arm(std::move(planned));
}

InjectedFault injected_fault(FaultPoint point, std::string_view subject) {
  if (!armed.load(std::memory_order_relaxed)) [[likely]] {
    return {};
  }
  Effect effect = Effect::fail;
  int error = 0;
  {
    const std::lock_guard guard(mutex);
    for (Fault& fault : faults) {
      if (fault.point != point || subject.find(fault.text) == std::string_view::npos) {
        continue;
      }
      ++fault.calls;
      if (fault.calls >= fault.first && fault.calls <= fault.last) {
        effect = fault.effect;
        error = fault.error;
      }
    }
  }
  if (effect == Effect::kill) {
    die_of_fault();
  }
  if (effect == Effect::stop) {
    raise(SIGSTOP);
  }
  return {error, effect == Effect::torn};
}

void die_of_fault() {
  kill(getpid(), SIGKILL);
  while (true) {
    pause();
  }
}

}  // namespace edgesweep
