#include "engine/mpi/messages.hpp"

#include <type_traits>

#include "engine/base/packing.hpp"

namespace edgesweep {
namespace {

// The fields of each message, for reading and writing alike. A message without its branch does not compile.
struct Fields {
  template <typename Visit, typename M>
  static void of(Visit& visit, M& m) {
    using T = std::remove_const_t<M>;
    if constexpr (std::is_same_v<T, Assignment>) {
      visit(m.trial, m.use_checkpoint, m.failed_before);
    } else if constexpr (std::is_same_v<T, SweepText>) {
      visit(m.text);
    } else if constexpr (std::is_same_v<T, EndRun>) {
      visit(m.code);
    } else if constexpr (std::is_same_v<T, WorkerUnfit>) {
      visit(m.bad_input, m.subject, m.reason);
    } else if constexpr (std::is_same_v<T, TrialStarted>) {
      visit(m.trial, m.from_checkpoint);
    } else if constexpr (std::is_same_v<T, TrialRecord>) {
      visit(m.trial, m.index, m.values);
    } else if constexpr (std::is_same_v<T, TrialCheckpointed>) {
      visit(m.trial, m.step);
    } else if constexpr (std::is_same_v<T, TrialFinished>) {
      visit(m.trial, m.diverged, m.steps, m.wall_seconds);
    } else if constexpr (std::is_same_v<T, TrialInterrupted>) {
      visit(m.trial, m.wall_seconds);
    } else if constexpr (std::is_same_v<T, TrialFailed>) {
      visit(m.trial, m.reason, m.wall_seconds);
    } else {
      static_assert(std::is_empty_v<T>, "a message with fields needs its line here");
    }
  }
};

}  // namespace

Bytes pack(const WorkerMessage& message) { return pack_variant<Fields>(message); }

Bytes pack(const CoordinatorMessage& message) { return pack_variant<Fields>(message); }

WorkerMessage unpack_worker_message(std::span<const std::byte> bytes) {
  return unpack_variant<Fields, WorkerMessage>(bytes);
}

CoordinatorMessage unpack_coordinator_message(std::span<const std::byte> bytes) {
  return unpack_variant<Fields, CoordinatorMessage>(bytes);
}

}  // namespace edgesweep
