#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/file.hpp"
#include "engine/base/json.hpp"

namespace edgesweep {

/// Something that happened to a sweep or to one of its trials; fields that do not apply stay empty and are not written.
struct Event {
  std::string name;                            ///< opened, resumed, assigned, checkpointed, finished, failed, …
  std::optional<std::int64_t> trial = {};      ///< Trial::index
  std::optional<std::int64_t> rank = {};       ///< MPI rank of the team's first worker
  std::optional<std::int64_t> step = {};       ///< SGD steps taken so far
  std::optional<std::int64_t> records = {};    ///< records taken so far
  std::string reason = {};                     ///< why, for people
};

/// The journal beside a store (StorePaths::events): JSON lines, append-only, each
/// `{"time": "2026-01-31T12:00:00Z", "event": name, …}`. It explains the store and is never needed to resume.
class EventLog {
 public:
  /// Opens for appending. Throws SystemError.
  explicit EventLog(const std::string& path);

  /// Appends one line. Throws SystemError.
  void write(const Event& event);

  /// Throws SystemError.
  void sync();

 private:
  LineLog lines_;
};

/// All whole lines of a journal, in order; empty if there is none. Lines torn by a crash are skipped. Throws SystemError.
std::vector<Json> read_events(const std::string& path);

/// Those whose name is one of `names`. A journal of a long sweep has millions of lines: only these are parsed.
std::vector<Json> read_events(const std::string& path, const std::vector<std::string>& names);

}  // namespace edgesweep
