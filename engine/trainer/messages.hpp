#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/spec/trial_runner.hpp"

// What a rank and its trainer process tell each other.
namespace edgesweep {

/// Rank to trainer, first of all and once: what its runner is made of.
struct TrainerSetup {
  std::string sweep_text;  ///< canonical
  std::string sweep_file;  ///< names the sweep in messages
  std::string data;        ///< folder of the data sets
  std::string device;
  std::int64_t local_rank = 0;
  std::int64_t log_rank = -1;  ///< as set_log_rank takes it
  std::int64_t team_rank = 0;  ///< place in the team that trains together
  std::int64_t team_size = 1;
  std::int64_t trials = 1;     ///< that its rank trains at a time
  bool operator==(const TrainerSetup&) const = default;
};

/// Rank to trainer: train this trial of the sweep.
struct TrainTrial {
  std::int64_t trial = 0;
  bool from_checkpoint = false;
  Bytes checkpoint;
  bool operator==(const TrainTrial&) const = default;
};

/// Rank to trainer: send the state before the next step. Without a trial under way it means nothing.
struct SaveState {
  bool operator==(const SaveState&) const = default;
};

/// Rank to trainer: send the state before the next step, and end the trial there. Likewise.
struct StopTrial {
  bool operator==(const StopTrial&) const = default;
};

/// Rank to trainer: the team has made the call that the trainer asked for last.
struct TeamAnswer {
  std::uint32_t bits = 0;  ///< of Team::unite
  bool operator==(const TeamAnswer&) const = default;
};

using TrainerOrder = std::variant<TrainerSetup, TrainTrial, SaveState, StopTrial, TeamAnswer>;

/// Trainer to rank: set up, and waits for a trial.
struct TrainerReady {
  bool operator==(const TrainerReady&) const = default;
};

/// Trainer to rank: can't be set up.
struct TrainerUnfit {
  bool bad_input = false;  ///< an InputError; else `subject` is empty
  std::string subject;
  std::string reason;
  bool operator==(const TrainerUnfit&) const = default;
};

/// Trainer to rank, every kHeartbeatSeconds from a thread of its own: the process runs, whatever it computes.
struct TrainerAlive {
  std::int64_t progress = 0;  ///< steps and records taken; only that it changes means something
  bool operator==(const TrainerAlive&) const = default;
};

/// Trainer to rank, as the calls of TrialHooks.
struct RecordTaken {
  std::int64_t index = 0;
  std::vector<double> values;
  bool operator==(const RecordTaken&) const = default;
};

struct StateSaved {
  std::int64_t step = 0;
  Bytes state;
  bool operator==(const StateSaved&) const = default;
};

struct ParametersKept {
  std::int64_t record = -1;  ///< −1: the final ones
  Bytes content;
  bool operator==(const ParametersKept&) const = default;
};

/// Trainer to rank: the outcome of TrialRunner::run.
struct TrialEnded {
  TrialEnd end = TrialEnd::done;
  std::int64_t steps = 0;
  bool operator==(const TrialEnded&) const = default;
};

/// Trainer to rank: an exception left TrialRunner::run.
struct TrialThrew {
  std::string reason;
  bool operator==(const TrialThrew&) const = default;
};

/// Trainer to rank: make this call of Team, with the numbers that are in the shared buffer, and put the sums there.
struct TeamCall {
  enum class Kind : std::uint8_t { sum_floats, sum_doubles, unite };
  Kind kind = Kind::unite;
  std::uint64_t count = 0;  ///< of numbers
  std::uint32_t bits = 0;
  bool operator==(const TeamCall&) const = default;
};

using TrainerReport = std::variant<TrainerReady, TrainerUnfit, TrainerAlive, RecordTaken, StateSaved, ParametersKept,
                                   TrialEnded, TrialThrew, TeamCall>;

/// As bytes (engine/base/packing.hpp).
Bytes pack(const TrainerOrder& order);
Bytes pack(const TrainerReport& report);

/// Throw SystemError if the bytes are not exactly one message.
TrainerOrder unpack_order(std::span<const std::byte> bytes);
TrainerReport unpack_report(std::span<const std::byte> bytes);

}  // namespace edgesweep
