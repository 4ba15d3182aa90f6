#include "engine/trainer/messages.hpp"

#include <type_traits>

#include "engine/base/packing.hpp"

namespace edgesweep {
namespace {

// A message without its branch does not compile.
struct Fields {
  template <typename Visit, typename M>
  static void of(Visit& visit, M& m) {
    using T = std::remove_const_t<M>;
    if constexpr (std::is_same_v<T, TrainerSetup>) {
      visit(m.sweep_text, m.sweep_file, m.data, m.device, m.local_rank, m.log_rank, m.team_rank, m.team_size,
            m.trials);
    } else if constexpr (std::is_same_v<T, TeamAnswer>) {
      visit(m.bits);
    } else if constexpr (std::is_same_v<T, TeamCall>) {
      visit(m.kind, m.count, m.bits);
    } else if constexpr (std::is_same_v<T, TrainTrial>) {
      visit(m.trial, m.from_checkpoint, m.checkpoint);
    } else if constexpr (std::is_same_v<T, TrainerUnfit>) {
      visit(m.bad_input, m.subject, m.reason);
    } else if constexpr (std::is_same_v<T, TrainerAlive>) {
      visit(m.progress);
    } else if constexpr (std::is_same_v<T, RecordTaken>) {
      visit(m.index, m.values);
    } else if constexpr (std::is_same_v<T, StateSaved>) {
      visit(m.step, m.state);
    } else if constexpr (std::is_same_v<T, ParametersKept>) {
      visit(m.record, m.content);
    } else if constexpr (std::is_same_v<T, TrialEnded>) {
      visit(m.end, m.steps);
    } else if constexpr (std::is_same_v<T, TrialThrew>) {
      visit(m.reason);
    } else {
      static_assert(std::is_empty_v<T>, "a message with fields needs its line here");
    }
  }
};

}  // namespace

Bytes pack(const TrainerOrder& order) { return pack_variant<Fields>(order); }

Bytes pack(const TrainerReport& report) { return pack_variant<Fields>(report); }

TrainerOrder unpack_order(std::span<const std::byte> bytes) { return unpack_variant<Fields, TrainerOrder>(bytes); }

TrainerReport unpack_report(std::span<const std::byte> bytes) { return unpack_variant<Fields, TrainerReport>(bytes); }

}  // namespace edgesweep
