#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "engine/spec/team.hpp"
#include "engine/trainer/messages.hpp"
#include "engine/trainer/shared_buffer.hpp"

namespace edgesweep {

/// The team in a trainer process: its rank makes each call for it. Numbers go through a shared buffer, in parts.
class SocketTeam final : public Team {
 public:
  /// Sends a call to the rank and waits for its answer.
  using Ask = std::function<TeamAnswer(const TeamCall&)>;

  /// Inherits kChildBuffer if the team has several members. Throws SystemError.
  SocketTeam(std::int64_t rank, std::int64_t size, Ask ask);

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void sum(std::span<float> values) override;
  void sum(std::span<double> values) override;
  std::uint32_t unite(std::uint32_t bits) override;

 private:
  template <typename Number>
  void sum_parts(std::span<Number> values, TeamCall::Kind kind);

  int rank_;
  int size_;
  Ask ask_;
  std::optional<SharedBuffer> buffer_;  ///< of a team of several
};

/// In the rank: makes a trainer's call.
TeamAnswer make_call(Team& team, const TeamCall& call, const SharedBuffer& buffer);

}  // namespace edgesweep
